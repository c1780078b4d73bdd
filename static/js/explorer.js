// The findings list beyond htmx: choosing rows, and facets that stay as they were.
//
// data-select-page   checkbox: every row of this page
// data-select-all    checkbox: every finding that matches, on other pages too
// data-selected      says how many are chosen
// data-copy-ids      button: copies the ids of the chosen rows
// data-clear         button: chooses none
// data-facet         <details> of a facet; stays open over a swap
// data-facets-close  button: closes the sheet of facets on a phone
// data-facet-search  field that searches in a facet, and is no filter itself
(() => {
  "use strict";
  const find = (selector, from = document) => from.querySelector(selector);
  const boxes = () => [...document.querySelectorAll("[data-rows] input[name=finding]")];
  const rows = () => [...document.querySelectorAll("[data-rows] > tr")];

  // Choosing rows
  let lastBox = null;

  function showChosen() {
    const all = boxes();
    const chosen = all.filter((box) => box.checked);
    const page = find("[data-select-page]");
    if (page) {
      page.checked = chosen.length > 0 && chosen.length === all.length;
      page.indeterminate = chosen.length > 0 && !page.checked;
      page.classList.toggle("mixed", page.indeterminate);
    }
    const everything = find("[data-select-all]");
    if (everything && !chosen.length) everything.checked = false;
    const copy = find("[data-copy-ids]");
    if (copy) copy.disabled = Boolean(everything?.checked); // those of the other pages are not here
    const words = find("[data-selected]");
    if (words) words.textContent = everything?.checked ? "All selected" : `${chosen.length} selected`;
  }

  function chooseRange(box) {
    const all = boxes();
    const [from, to] = [all.indexOf(lastBox), all.indexOf(box)].sort((a, b) => a - b);
    if (from >= 0) for (const between of all.slice(from, to + 1)) between.checked = box.checked;
  }

  function chooseNone() {
    for (const box of boxes()) box.checked = false;
    const everything = find("[data-select-all]");
    if (everything) everything.checked = false;
    showChosen();
  }

  function copyIds() {
    const ids = boxes().filter((box) => box.checked).map((box) => box.dataset.id);
    copyText(ids.join("\n"));
  }

  // ui.js copies what a button with data-copy says.
  function copyText(text) {
    const button = document.createElement("button");
    button.dataset.copy = text;
    button.hidden = true;
    document.body.append(button);
    button.click();
    button.remove();
  }

  document.addEventListener("click", (event) => {
    const box = event.target.closest?.("[data-rows] input[name=finding]");
    if (box) {
      if (event.shiftKey) chooseRange(box);
      lastBox = box;
      showChosen();
    } else if (event.target.closest?.("[data-copy-ids]")) {
      copyIds();
    } else if (event.target.closest?.("[data-facets-close]")) {
      const sheet = find(".facets-btn");
      sheet.open = false;
      find("summary", sheet).focus();
    } else if (event.target.closest?.("[data-clear]")) {
      event.preventDefault();
      chooseNone();
    }
  });

  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-select-page]")) {
      for (const box of boxes()) box.checked = event.target.checked;
      showChosen();
    } else if (event.target.matches("[data-select-all]")) {
      if (event.target.checked) for (const box of boxes()) box.checked = true;
      showChosen();
    }
  });

  // Keys, beside those of ui.js
  function chooseAndMove(step) {
    const row = document.activeElement?.closest("[data-rows] > tr");
    const box = row && find("input[name=finding]", row);
    if (box && !box.checked) box.click();
    const all = rows();
    const next = all[all.indexOf(row) + step] ?? row ?? all[0];
    const link = next && find("a.t", next);
    link?.focus({ focusVisible: true });
    next?.scrollIntoView({ block: "nearest" });
  }

  const KEYS = {
    J: () => chooseAndMove(1),
    K: () => chooseAndMove(-1),
    c: () => {
      const row = document.activeElement?.closest("[data-rows] > tr") ?? find("[data-rows] > tr.cur");
      const button = row && find("[data-copy]", row);
      button?.click();
    },
    w: () => {
      if (boxes().some((box) => box.checked)) find("#bulk [data-key=w]")?.click();
    },
  };

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || find("dialog[open]")) return;
    if (event.target.matches?.("input:not([type=checkbox], [type=radio]), textarea, select")) return;
    if (!Object.hasOwn(KEYS, event.key)) return;
    event.preventDefault();
    KEYS[event.key]();
  });

  // The row whose finding is open
  function markRow(href) {
    for (const row of document.querySelectorAll("[data-rows] > tr")) {
      row.classList.toggle("cur", Boolean(href) && find("a.t", row)?.getAttribute("href") === href);
    }
  }

  // The finding before or after the open one: data-row-step="-1" and "1" in the drawer
  let stepped = null;

  function neighbour(step) {
    const all = rows();
    const at = all.findIndex((row) => row.classList.contains("cur"));
    return at < 0 ? null : find("a.t", all[at + step] ?? document.createElement("tr"));
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-row-step]");
    if (!button) return;
    stepped = button.dataset.rowStep;
    neighbour(Number(stepped))?.click();
  });

  document.addEventListener("htmx:afterSettle", () => {
    for (const button of document.querySelectorAll("[data-row-step]")) {
      button.disabled = !neighbour(Number(button.dataset.rowStep));
      if (button.dataset.rowStep === stepped && !button.disabled) button.focus({ preventScroll: true });
    }
    stepped = null;
  });

  // Facets: what a person opened, and how far they scrolled, outlives a swap of the list; so does what
  // they typed while the answer was on its way.
  let kept = null;
  let asked = "";

  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.target?.id !== "find") return;
    asked = find("#q")?.value ?? "";
    find(".results")?.setAttribute("aria-busy", "true");
  });
  document.addEventListener("htmx:afterRequest", () => find(".results")?.removeAttribute("aria-busy"));

  document.addEventListener("htmx:beforeSwap", (event) => {
    const { target, requestConfig } = event.detail;
    if (target?.id === "drawer") markRow(requestConfig.elt.closest("[data-rows]") && requestConfig.elt.getAttribute("href"));
    if (target?.id !== "find") return;
    const facets = [...document.querySelectorAll("[data-facet]")];
    kept = {
      open: new Map(facets.map((facet) => [facet.dataset.facet, facet.open])),
      scroll: find(".facets")?.scrollTop ?? 0,
      sheet: find(".facets-btn")?.open ?? false,
      typed: find("#q")?.value ?? asked,
      caret: find("#q")?.selectionEnd ?? 0,
    };
    lastBox = null;
  });

  // The answer holds what had been asked; ui.js lets htmx hear what came after it.
  document.addEventListener("htmx:afterSwap", (event) => {
    const field = find("#q");
    if (event.target.id !== "find" || !kept || !field || kept.typed === asked) return;
    const isTypedOn = kept.typed.startsWith(asked);
    const moved = isTypedOn ? field.value.length - asked.length : 0;
    field.value = isTypedOn ? field.value + kept.typed.slice(asked.length) : kept.typed;
    if (field === document.activeElement) field.setSelectionRange(kept.caret + moved, kept.caret + moved);
  });

  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.target.id !== "find" || !kept) return;
    for (const facet of document.querySelectorAll("[data-facet]")) {
      if (kept.open.has(facet.dataset.facet)) facet.open = kept.open.get(facet.dataset.facet);
    }
    const sheet = find(".facets-btn");
    if (sheet) sheet.open = kept.sheet;
    const facets = find(".facets");
    if (facets) facets.scrollTop = kept.scroll;
    kept = null;
    showChosen();
  });

  // A change in the search field of a facet is none of the filters.
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-facet-search]")) event.stopPropagation();
  }, true);

  // Enter ends what is being typed: "severity:critical" counts without a space behind it.
  document.addEventListener("htmx:configRequest", (event) => {
    const { elt, parameters, triggeringEvent } = event.detail;
    if (elt.id !== "filters" || !["submit", "search"].includes(triggeringEvent?.type)) return;
    if (String(parameters.q ?? "").includes(":")) parameters.q = `${parameters.q} `;
  });

  showChosen();
})();
