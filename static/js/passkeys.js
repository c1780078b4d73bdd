// Passkeys: the browser's part of adding one and of signing in with one.
//
// form[data-passkey="create|get"]   asks the browser when it is sent, puts the answer into its field
//                                   "credential", and is sent on
// data-passkey-options="/address"   where the options are fetched; without it they stand in
//                                   <script type="application/json" id="passkey-options">
// data-passkey-said                 inside the form: where it says what went wrong
(() => {
  "use strict";
  const SAID = {
    NotAllowedError: "No passkey was chosen, or it took too long. Try again.",
    InvalidStateError: "This device has a passkey for you already.",
    SecurityError: "Passkeys work only at the address that this site was set up for, over https.",
    AbortError: "The browser stopped it. Try again.",
  };

  function bytes(text) {
    const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
    return Uint8Array.from(plain, (letter) => letter.codePointAt(0));
  }

  function text(buffer) {
    if (!buffer) return undefined;
    const plain = String.fromCodePoint(...new Uint8Array(buffer));
    return btoa(plain).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  }

  const withBytes = (list = []) => list.map((one) => ({ ...one, id: bytes(one.id) }));

  async function options(form) {
    const address = form.dataset.passkeyOptions;
    if (!address) return JSON.parse(document.getElementById("passkey-options").textContent).publicKey;
    const answer = await fetch(address, { headers: { Accept: "application/json", "X-Requested-With": "XMLHttpRequest" } });
    if (!answer.ok) throw new Error(answer.status === 429 ? "Too many attempts. Wait a minute." : "The server does not answer.");
    return (await answer.json()).request_options.publicKey;
  }

  function create(wanted) {
    return navigator.credentials.create({
      publicKey: {
        ...wanted,
        challenge: bytes(wanted.challenge),
        user: { ...wanted.user, id: bytes(wanted.user.id) },
        excludeCredentials: withBytes(wanted.excludeCredentials),
        // A passkey finds its person by itself, and asks for a finger or a PIN.
        authenticatorSelection: {
          ...wanted.authenticatorSelection,
          residentKey: "required",
          requireResidentKey: true,
          userVerification: "required",
        },
      },
    });
  }

  function get(wanted) {
    return navigator.credentials.get({
      publicKey: { ...wanted, challenge: bytes(wanted.challenge), allowCredentials: withBytes(wanted.allowCredentials) },
    });
  }

  function plain(credential) {
    const { response } = credential;
    return {
      id: credential.id,
      rawId: text(credential.rawId),
      type: credential.type,
      authenticatorAttachment: credential.authenticatorAttachment ?? undefined,
      clientExtensionResults: credential.getClientExtensionResults(),
      response: {
        clientDataJSON: text(response.clientDataJSON),
        attestationObject: text(response.attestationObject),
        authenticatorData: text(response.authenticatorData),
        signature: text(response.signature),
        userHandle: text(response.userHandle),
        transports: response.getTransports?.(),
      },
    };
  }

  async function ask(form) {
    const said = form.querySelector("[data-passkey-said]");
    said.textContent = "";
    if (!window.PublicKeyCredential) {
      said.textContent = "This browser has no passkeys here: they need a current browser, and https.";
      return;
    }
    try {
      const wanted = await options(form);
      const credential = await (form.dataset.passkey === "create" ? create(wanted) : get(wanted));
      form.elements.credential.value = JSON.stringify(plain(credential));
      form.submit();
    } catch (error) {
      said.textContent = SAID[error.name] ?? error.message;
    }
  }

  for (const form of document.querySelectorAll("form[data-passkey]")) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      ask(form);
    });
  }
})();
