// On every page of the demonstration: how far history has come in, and what the tour points at.
"use strict";
(() => {
  const loading = document.querySelector(".loading");
  if (loading) {
    const look = async () => {
      try {
        const answer = await fetch(loading.dataset.loading);
        const text = answer.ok ? await answer.text() : "";
        if (!answer.ok) return;
        if (text) loading.firstElementChild.textContent = text;
        else { loading.remove(); clearInterval(again); }
      } catch { /* the next look may succeed */ }
    };
    const again = setInterval(look, 2000);
  }

  const tour = document.getElementById("tour");
  if (!tour) return;
  const aim = tour.dataset.aim;
  let at = null;
  const point = () => {
    const found = aim ? document.querySelector(aim) : null;
    if (found === at) return;
    if (at) { at.classList.remove("tour-target"); at.removeAttribute("aria-describedby"); }
    const first = !at;
    at = found;
    if (!at) return;
    at.classList.add("tour-target");
    if (!at.hasAttribute("aria-describedby")) at.setAttribute("aria-describedby", "tour-text");
    if (first) at.scrollIntoView({ block: "center", behavior: "instant" });
  };
  point();
  new MutationObserver(point).observe(document.getElementById("main"), { childList: true, subtree: true });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && tour.contains(document.activeElement)) document.getElementById("tour-rest").click();
  });
})();
