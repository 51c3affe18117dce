// Comes back by itself after a lost connection; stays away after `q`.
"use strict";
(() => {
  const ENDED = 4000; // the app ended by itself
  const FULL = 4001; // too many windows are open
  const ELSEWHERE = 4002; // the same tab has another connection
  const SIGN = "alive";
  const PULSE = 5000;
  const PATIENCE = 10000;
  const HURRY = 3000;
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
      if ((await fetch("/health", { cache: "no-store", signal: AbortSignal.timeout(5000) })).ok) return window.location.reload();
    } catch {
      // The server, or the network, is not there yet.
    }
    return comeBack(Math.min(wait * 2, 10000));
  }

  window.WebSocket = class extends Plain {
    constructor(...given) {
      super(...given);
      let over = false; // this connection's end was told
      let asked = 0; // when a sign of life was asked for that has not come
      const end = (tell) => {
        if (over) return;
        over = true;
        clearInterval(pulse);
        tell();
      };
      const ask = () => {
        if (this.readyState !== Plain.OPEN || asked) return;
        asked = Date.now();
        this.send(JSON.stringify(["ping", SIGN]));
      };
      // A dead network closes nothing: a connection that says nothing when it is asked is lost.
      const look = (patience) => {
        if (asked && Date.now() - asked >= patience) end(() => comeBack(500));
        else ask();
      };
      const pulse = setInterval(() => look(PATIENCE), PULSE);
      window.addEventListener("offline", () => {
        ask();
        setTimeout(() => look(HURRY), HURRY);
      });
      this.addEventListener("message", (event) => {
        asked = 0;
        if (typeof event.data === "string" && event.data.startsWith('["pong"') && event.data.includes(SIGN)) event.stopImmediatePropagation();
      });
      this.addEventListener("close", (event) =>
        end(() => {
          if (event.code === ENDED) notice("The studio was closed. Runs go on.", true);
          else if (event.code === FULL) notice("Too many windows are open. Close one, then open this one again.", true);
          else if (event.code === ELSEWHERE) notice("This window was opened again in another tab.", true);
          else comeBack(500);
        }),
      );
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
