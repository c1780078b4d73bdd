// The page of the API: Swagger UI over our own description. It has a dark theme of its own, which
// follows the page's: a class on <html>.
(() => {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const show = () => {
    const theme = root.dataset.theme ?? (system.matches ? "dark" : "light");
    root.classList.toggle("dark-mode", theme === "dark");
  };
  show();
  system.addEventListener("change", show);
  new MutationObserver(show).observe(root, { attributes: true, attributeFilter: ["data-theme"] });

  const place = document.getElementById("api");
  window.SwaggerUIBundle({
    url: place.dataset.schema,
    domNode: place,
    deepLinking: true,
    docExpansion: "list",
    defaultModelsExpandDepth: -1,
    // The default asks a server on the internet whether the description is good.
    validatorUrl: null,
    tryItOutEnabled: true,
    supportedSubmitMethods: ["get"],
    syntaxHighlight: { activated: false },
    requestInterceptor: (request) => ({ ...request, credentials: "same-origin" }),
  });
})();
