// Asks every second what was decided since, and shows it without taking the focus or the reader's place.
"use strict";
(() => {
  const panel = document.getElementById("panel");
  const state = document.getElementById("state");
  const spoken = document.getElementById("spoken");
  let said = 0;
  function anonymous() { try { return localStorage.getItem(panel.dataset.device) || ""; } catch { return ""; } }
  function well(ok) {
    if (ok === !state.classList.contains("lost")) return;
    state.classList.toggle("lost", !ok);
    const time = new Date().toTimeString().slice(0, 5);
    state.lastElementChild.textContent = ok ? state.dataset.on : state.dataset.lost.replace("{time}", time);
  }
  async function look() {
    if (document.hidden || panel.contains(document.activeElement)) return;
    try {
      const seen = panel.firstElementChild.dataset.version;
      const answer = await fetch(`${panel.dataset.url}?${new URLSearchParams({ seen, anonymous: anonymous() })}`);
      well(answer.ok);
      if (answer.status !== 200) return;
      panel.innerHTML = await answer.text();
      if (Date.now() - said > 30000) {
        said = Date.now();
        spoken.textContent = panel.querySelector(".finding").textContent;
      }
    } catch { well(false); }
  }
  look();
  setInterval(look, 1000);
})();
