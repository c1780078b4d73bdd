// Counts the words of a text while it is written: <output data-words="id of the textarea">.
(() => {
  "use strict";
  document.addEventListener("input", (event) => {
    const output = document.querySelector(`[data-words="${CSS.escape(event.target.id)}"]`);
    if (output) output.value = event.target.value.split(/\s+/).filter(Boolean).length;
  });
})();
