// Comes back by itself after a lost connection; stays away after `q`.
"use strict";
(() => {
  const ENDED = 4000; // the app ended by itself
  const FULL = 4001; // too many windows are open
  const Plain = window.WebSocket;

  function notice(text, canOpen) {
    document.querySelector("#notice-text").textContent = text;
    document.querySelector("#again").hidden = !canOpen;
    document.querySelector("#notice").classList.add("-shown");
  }

  async function comeBack(wait) {
    notice("Connection lost. Runs go on. Trying again…", false);
    await new Promise((done) => setTimeout(done, wait));
    try {
      if ((await fetch("/health", { cache: "no-store" })).ok) return window.location.reload();
    } catch {
      // The server is not there yet.
    }
    return comeBack(Math.min(wait * 2, 10000));
  }

  window.WebSocket = class extends Plain {
    constructor(...given) {
      super(...given);
      this.addEventListener("close", (event) => {
        if (event.code === ENDED) notice("The studio was closed. Runs go on.", true);
        else if (event.code === FULL) notice("Too many windows are open. Close one, then open this one again.", true);
        else comeBack(500);
      });
    }
  };

  // Keys go to the studio without a click first.
  const takeKeys = () => document.querySelector(".xterm-helper-textarea")?.focus();
  window.addEventListener("focus", takeKeys);

  window.addEventListener("DOMContentLoaded", () => {
    new MutationObserver((_changes, observer) => {
      if (!document.body.classList.contains("-first-byte")) return;
      observer.disconnect();
      takeKeys();
    }).observe(document.body, { attributes: true, attributeFilter: ["class"] });
    document.querySelector("#again").addEventListener("click", () => window.location.reload());
  });
  // The terminal measures its cells once: it must not do so before the font is there.
  window.addEventListener("load", () => document.fonts.ready.then(() => window.dispatchEvent(new Event("resize"))));
})();
