// Behaviour beyond htmx. Everything is delegated from the document, so it survives swaps.
//
// data-theme-switch       button: system -> light -> dark
// data-copy="text"        button: copies the text
// data-rows               container whose rows j/k walk; a row's first link is what Enter opens
// data-search             the field that "/" focuses; with data-facet-search: searched while one types
// data-drawer             panel filled by htmx; data-drawer-close inside it is its close link
// data-keys-open          opens the dialog of keys
// data-fill-username=""   with data-fill-password: fills in the sign-in form
// data-pop                <details> that is a menu: closed by Esc and by a click beside it
// data-undo               form that takes back what was done last: Z, and the button of a toast
// HX-Trigger: {"toast": {"text": "12 assigned", "kind": "ok|warn|bad", "undo": true}}
(() => {
  "use strict";
  const root = document.documentElement;
  const find = (selector, from = document) => from.querySelector(selector);

  // Theme
  const THEMES = ["system", "light", "dark"];
  const currentTheme = () => root.dataset.theme ?? "system";

  function showTheme(theme) {
    if (theme === "system") delete root.dataset.theme;
    else root.dataset.theme = theme;
    for (const button of document.querySelectorAll("[data-theme-switch]")) {
      button.setAttribute("aria-label", `Theme: ${theme}`);
      button.title = `Theme: ${theme}`;
    }
  }

  function nextTheme() {
    const theme = THEMES[(THEMES.indexOf(currentTheme()) + 1) % THEMES.length];
    try { localStorage.setItem("theme", theme); } catch { /* lasts for this page only */ }
    showTheme(theme);
  }

  // Toasts
  const SHOWN_MS = 6000;

  function toast(text, kind = "ok", hasUndo = false) {
    const box = find("[data-toasts]");
    if (!box || !text) return;
    const item = document.createElement("div");
    item.className = kind === "ok" ? "toast" : `toast ${kind}`;
    item.textContent = text;
    if (hasUndo) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = "Undo";
      button.addEventListener("click", undo);
      item.append(button);
    }
    box.append(item);
    dismissLater(item);
  }

  // Bad news stays until the next page.
  function dismissLater(item) {
    if (!item.classList.contains("bad")) setTimeout(() => item.remove(), SHOWN_MS);
  }

  function undo() {
    find("form[data-undo]")?.requestSubmit();
  }

  async function copy(text) {
    try {
      await navigator.clipboard.writeText(text);
    } catch { // no clipboard API without HTTPS
      const area = document.createElement("textarea");
      area.value = text;
      area.className = "vh";
      document.body.append(area);
      area.select();
      const done = document.execCommand("copy");
      area.remove();
      if (!done) return toast("The browser did not allow copying", "bad");
    }
    toast("Copied");
  }

  // Rows
  const rowLink = (row) => find("a.t, a[href]", row);

  function moveRow(step) {
    const rows = [...document.querySelectorAll("[data-rows] > *")].filter((row) => rowLink(row) && row.offsetParent);
    if (!rows.length) return;
    const at = rows.findIndex((row) => row.contains(document.activeElement));
    const next = at < 0 ? (step > 0 ? 0 : rows.length - 1) : Math.min(Math.max(at + step, 0), rows.length - 1);
    rowLink(rows[next]).focus({ focusVisible: true });
    rows[next].scrollIntoView({ block: "nearest" });
  }

  function selectRow() {
    const row = document.activeElement?.closest("[data-rows] > *");
    if (row) find("input[type=checkbox]", row)?.click();
  }

  // Drawer: focus goes in when it is filled, and back to the row when it is emptied.
  let openerHref = null;

  function closeTop() {
    const menu = find("[data-pop][open], .menu-btn[open], .facets-btn[open]");
    if (menu) {
      menu.open = false;
      find("summary", menu).focus();
      return true;
    }
    const close = find("[data-drawer] [data-drawer-close]");
    close?.click();
    return Boolean(close);
  }

  function afterDrawer(drawer) {
    if (drawer.firstElementChild) {
      (find("[data-drawer-close]", drawer) ?? drawer).focus({ preventScroll: true });
    } else if (openerHref) {
      find(`[data-rows] a[href="${CSS.escape(openerHref)}"]`)?.focus();
      openerHref = null;
    }
  }

  // Keys
  const KEYS = {
    j: () => moveRow(1),
    k: () => moveRow(-1),
    x: selectRow,
    z: undo,
    "/": () => find("[data-search]")?.focus(),
    "?": () => openKeys(),
  };

  function openKeys() {
    find("#user-menu:popover-open")?.hidePopover();
    const dialog = find("#keys");
    if (dialog && !dialog.open) dialog.showModal();
  }

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || find("dialog[open]")) return;
    const isTyping = event.target.matches?.("input:not([type=checkbox], [type=radio]), textarea, select");
    if (event.key === "Escape" && !find(":popover-open")) {
      if (isTyping) event.target.blur();
      else if (closeTop()) event.preventDefault();
    } else if (!isTyping && Object.hasOwn(KEYS, event.key)) {
      event.preventDefault();
      KEYS[event.key]();
    }
  });

  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("[data-pop][open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
    const target = event.target.closest?.("[data-theme-switch], [data-copy], [data-keys-open], [data-fill-username]");
    if (!target) return;
    if ("themeSwitch" in target.dataset) nextTheme();
    else if ("copy" in target.dataset) copy(target.dataset.copy);
    else if ("keysOpen" in target.dataset) openKeys();
    else fillIn(target.dataset);
  });

  function fillIn({ fillUsername, fillPassword }) {
    find("input[name=login]").value = fillUsername;
    find("input[name=password]").value = fillPassword ?? "";
    find(fillPassword ? "form button[type=submit]" : "input[name=password]").focus();
  }

  // htmx
  let running = 0;

  function busy(change) {
    running = Math.max(0, running + change);
    root.toggleAttribute("data-busy", running > 0);
  }

  document.addEventListener("htmx:beforeRequest", () => busy(1));
  document.addEventListener("htmx:afterRequest", () => busy(-1));

  document.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr, target, requestConfig } = event.detail;
    const login = document.body.dataset.loginUrl;
    if (login && xhr.responseURL && new URL(xhr.responseURL).pathname === login) {
      event.detail.shouldSwap = false; // the session has ended: sign in, then come back here
      location.reload();
    } else if (xhr.status === 422) {
      event.detail.shouldSwap = true; // a form with its errors
      event.detail.isError = false;
    } else if (target.closest("[data-drawer]")) {
      openerHref = requestConfig.elt.closest("[data-rows]") ? requestConfig.elt.getAttribute("href") : openerHref;
    }
  });

  document.addEventListener("htmx:afterSettle", (event) => {
    const drawer = event.target.closest?.("[data-drawer]");
    if (drawer) afterDrawer(drawer);
  });

  document.addEventListener("htmx:responseError", (event) => {
    toast(`The server could not do this (${event.detail.xhr.status}). Try again, or load the page again.`, "bad");
  });
  document.addEventListener("htmx:sendError", () => toast("The server does not answer. Is the network up?", "bad"));
  document.addEventListener("toast", (event) => toast(event.detail.text ?? event.detail.value, event.detail.kind, event.detail.undo));

  showTheme(currentTheme());
  document.querySelectorAll(".toast").forEach(dismissLater);

  // What a person typed before htmx began to listen, it takes for what was there already, and never
  // sends. It hears it again: first what the server wrote, then what was typed.
  document.addEventListener("htmx:load", (event) => {
    for (const field of event.detail.elt.querySelectorAll("[data-search], [data-facet-search]")) {
      const typed = field.value;
      if (typed === field.defaultValue) continue;
      const { selectionStart, selectionEnd } = field;
      for (const value of [field.defaultValue, typed]) {
        field.value = value;
        field.dispatchEvent(new Event("input", { bubbles: true }));
      }
      if (field === document.activeElement) field.setSelectionRange(selectionStart, selectionEnd);
    }
  });
})();
