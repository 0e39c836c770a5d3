// On a page of something that is still being worked out: looks for it, and shows it as soon as it is there.
"use strict";
(() => {
  const look = async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch(location.href);
      if (answer.ok && !(await answer.text()).includes('id="pending"')) location.reload();
    } catch { /* the next look may succeed */ }
  };
  setInterval(look, 5000);
})();
