// The inbox of exceptions. Everything is delegated from the document, so it survives swaps.
//
// data-inbox        the list and, beside it, one request (#exception); j/k (ui.js) open the row they reach
// data-decide       the card of decisions: A and R choose, and go to its comment; nothing is sent by a key
// data-mentions=""  textarea: people are offered behind an @, from this address
(() => {
  "use strict";
  const find = (selector, from = document) => from.querySelector(selector);
  const pane = () => find("[data-inbox] #exception");
  const isTyping = (node) => node.matches?.("input:not([type=checkbox], [type=radio]), textarea, select");

  // Which row is shown
  function markCurrent() {
    const shown = find("[data-shown]", pane())?.dataset.shown;
    for (const link of document.querySelectorAll("[data-inbox] [data-rows] a.t")) {
      if (new URL(link.href).pathname.endsWith(`/${shown}/`)) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  }

  // On a narrow screen there is no room beside the list: the request is a page.
  document.addEventListener("htmx:beforeRequest", (event) => {
    const { elt, target } = event.detail;
    if (!elt.closest("[data-inbox] [data-rows]") || target !== pane() || target.offsetParent) return;
    event.preventDefault();
    location.assign(elt.href);
  });

  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.target !== pane()) return;
    find("[data-inbox]").setAttribute("data-open", "");
    markCurrent();
    bringBack();
    // The button that was pressed is gone: what came of it is read out, and the keyboard goes on there.
    const answer = find("#refused, #meanwhile", pane());
    answer?.scrollIntoView({ block: "center" });
    answer?.focus({ preventScroll: true });
  });

  let opening = 0;
  const openFocused = () => {
    const link = document.activeElement;
    if (link?.matches("[data-inbox] [data-rows] a.t:not([aria-current])") && pane().offsetParent) link.click();
  };

  // Keys. What is pressed while another request is on its way is not meant for the one that is shown.
  let isLoading = false;
  document.addEventListener("htmx:beforeRequest", (event) => { if (event.detail.target === pane()) isLoading = true; });
  document.addEventListener("htmx:afterRequest", (event) => { if (event.detail.target === pane()) isLoading = false; });

  function choose(code) {
    const radio = find(`[data-decide] input[name=decision][value=${code}]`);
    if (!radio || isLoading) return false;
    radio.checked = true;
    find("[data-decide] textarea").focus();
    return true;
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || find("dialog[open]") || isTyping(event.target)) return;
    if (!find("[data-inbox]")) return;
    if (event.key === "j" || event.key === "k") {
      clearTimeout(opening);
      opening = setTimeout(openFocused, 180);
    } else if ((event.key === "a" && choose("approve")) || (event.key === "r" && choose("reject"))) {
      event.preventDefault();
    }
  });

  // What was written in a form is not lost when the session has ended meanwhile: it is back after the
  // sign-in, and forgotten once it arrived.
  const KEPT = "said:";
  const place = () => KEPT + find("[data-shown]", pane())?.dataset.shown;
  const texts = (from) => [...from.querySelectorAll("textarea[id]")].filter((area) => area.value);

  function keepWords(form) {
    const words = texts(form).map((area) => [area.id, area.value]);
    try {
      if (words.length) sessionStorage.setItem(place(), JSON.stringify(words));
    } catch { /* no room, or not allowed */ }
  }

  function bringBack() {
    if (!pane()) return;
    let words = null;
    try {
      words = JSON.parse(sessionStorage.getItem(place()) ?? "null");
      sessionStorage.removeItem(place());
    } catch { return; }
    const before = document.referrer && new URL(document.referrer).pathname;
    if (!words || !before || before.startsWith("/exceptions/")) return;
    for (const [id, value] of words) {
      const area = document.getElementById(id);
      if (!area || area.value) continue;
      area.value = value;
      area.closest("details")?.setAttribute("open", "");
    }
  }

  document.addEventListener("submit", (event) => {
    if (pane()?.contains(event.target)) keepWords(event.target);
  }, true);
  document.addEventListener("htmx:beforeOnLoad", (event) => {
    if (!event.detail.xhr.getResponseHeader("HX-Redirect")) return;
    try { sessionStorage.removeItem(place()); } catch { /* nothing was kept */ }
  });
  document.addEventListener("DOMContentLoaded", bringBack);

  // Mentions
  const WORD = /(^|[^\w.@+-])@([\w.+-]{1,60})$/;
  let asked = 0;
  let at = -1;

  const listOf = (area) => document.getElementById(area.getAttribute("aria-controls"));
  const typed = (area) => area.value.slice(0, area.selectionStart).match(WORD)?.[2];

  function close(area) {
    const list = listOf(area);
    list.hidden = true;
    list.replaceChildren();
    area.removeAttribute("aria-activedescendant");
    at = -1;
  }

  async function offer(area) {
    const word = typed(area);
    if (!word) return close(area);
    const mine = ++asked;
    const answer = await fetch(`${area.dataset.mentions}?q=${encodeURIComponent(word)}`, { headers: { "X-Requested-With": "fetch" } });
    if (mine !== asked || !answer.ok || answer.redirected) return;
    const list = listOf(area);
    const parsed = new DOMParser().parseFromString(await answer.text(), "text/html");
    list.replaceChildren(...parsed.body.querySelectorAll("[data-mention]"));
    list.hidden = !list.children.length;
    at = -1;
  }

  function take(area, option) {
    const end = area.selectionStart;
    const start = end - typed(area).length;
    area.setRangeText(`${option.dataset.mention} `, start, end, "end");
    close(area);
    area.focus();
  }

  function move(area, step) {
    const options = [...listOf(area).children];
    at = (at + step + options.length) % options.length;
    options.forEach((option, index) => option.setAttribute("aria-selected", String(index === at)));
    area.setAttribute("aria-activedescendant", options[at].id);
  }

  document.addEventListener("input", (event) => {
    if (event.target.matches?.("[data-mentions]")) offer(event.target);
  });
  document.addEventListener("keydown", (event) => {
    const area = event.target;
    if (!area.matches?.("[data-mentions]") || listOf(area).hidden) return;
    const options = listOf(area).children;
    if (event.key === "ArrowDown") move(area, 1);
    else if (event.key === "ArrowUp") move(area, at < 0 ? 0 : -1);
    else if ((event.key === "Enter" || event.key === "Tab") && at >= 0) take(area, options[at]);
    else if (event.key === "Escape") close(area);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }, true);
  document.addEventListener("mousedown", (event) => {
    const option = event.target.closest?.("[data-mention]");
    if (!option) return;
    event.preventDefault();
    take(find(`[aria-controls="${CSS.escape(option.parentElement.id)}"]`), option);
  });

  // Where there is room, the first request is shown beside the list.
  document.addEventListener("DOMContentLoaded", () => {
    const inbox = find("[data-inbox]:not([data-open])");
    if (inbox && pane().offsetParent) find("[data-rows] a.t", inbox)?.setAttribute("data-first", "");
    const first = find("[data-first]");
    if (first && window.htmx) {
      first.setAttribute("aria-current", "true");
      window.htmx.ajax("GET", first.href, { target: "#exception", swap: "innerHTML show:none" });
    }
  });
})();
