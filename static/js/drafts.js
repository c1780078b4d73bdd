// A form that is kept while somebody types, and that loses nothing: not when the session ends, the
// network fails, or the tab is loaded again. What the server does not have yet stays in this tab.
//
// form[data-keep="person"]   what is typed in it is stored for this person, under the page's address
// #<form id>-save            what htmx saves it by; told by `keep-now` that there is something to save
// event draft-kept           sent by the server's answer (HX-Trigger-After-Settle) once it has it
(() => {
  "use strict";
  const PREFIX = "draft:";
  let isDirty = false;
  const form = () => document.querySelector("form[data-keep]");
  const place = () => PREFIX + location.pathname + location.search;
  // The places under which this form has been stored: its address changes when it becomes a draft.
  const places = new Set();

  const fields = (box) => [...box.elements].filter((field) => field.name && field.type !== "hidden"
    && field.type !== "submit" && field.type !== "button");
  const isTick = (field) => field.type === "checkbox" || field.type === "radio";

  function store() {
    const box = form();
    if (!box) return;
    const typed = fields(box).map((field) => [field.name, isTick(field) ? field.value : "",
      isTick(field) ? field.checked : field.value]);
    try {
      sessionStorage.setItem(place(), JSON.stringify({ person: box.dataset.keep, typed }));
      places.add(place());
    } catch { /* no room, or not allowed: the page itself still has it */ }
  }

  function forget() {
    try {
      for (const one of places) sessionStorage.removeItem(one);
    } catch { /* nothing was stored */ }
    places.clear();
  }

  function restore() {
    const box = form();
    let kept = null;
    try {
      kept = JSON.parse(sessionStorage.getItem(place()) ?? "null");
    } catch { return; }
    if (!box || !kept || kept.person !== box.dataset.keep) return;
    places.add(place());
    let changed = false;
    for (const [name, value, is] of kept.typed) {
      for (const field of fields(box).filter((one) => one.name === name)) {
        if (isTick(field)) {
          if (field.value !== value || field.checked === is) continue;
          field.checked = is;
        } else {
          if (field.value === is) continue;
          field.value = is;
        }
        changed = true;
      }
    }
    if (!changed) return forget();
    const said = document.getElementById(`${box.id}-kept`);
    if (said) said.textContent = "What you had typed is back.";
    isDirty = true;
    document.getElementById(`${box.id}-save`)?.dispatchEvent(new Event("keep-now"));
  }

  for (const kind of ["input", "change"]) {
    document.addEventListener(kind, (event) => {
      if (!event.target.closest?.("form[data-keep]")) return;
      isDirty = true;
      store();
    });
  }
  document.addEventListener("htmx:configRequest", (event) => {
    if (event.target.closest?.("form[data-keep]")) isDirty = false;
  });
  for (const name of ["htmx:responseError", "htmx:sendError"]) {
    document.addEventListener(name, (event) => {
      const box = event.target.closest?.("form[data-keep]");
      const said = box && document.getElementById(`${box.id}-kept`);
      if (!said) return;
      isDirty = true;
      store();
      said.textContent = "Not kept yet. What you type stays in this tab: load the page again to go on.";
    });
  }
  document.addEventListener("draft-kept", () => (isDirty ? store() : forget()));
  document.addEventListener("htmx:beforeOnLoad", (event) => {
    // Sent, or kept and left: there is nothing to bring back.
    if (event.target.closest?.("form[data-keep]") && event.detail.xhr.getResponseHeader("HX-Redirect")) forget();
  });
  // What is missing is read out, and shown first: when the form came back, not while somebody types on.
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.target.matches?.("form[data-keep]")) event.target.querySelector("[data-told]")?.focus();
  });
  window.addEventListener("load", restore);
})();
