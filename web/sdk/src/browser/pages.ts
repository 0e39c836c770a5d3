/** Page views: of the page that loaded, and of those that a script turns to. */

/** Tells each turning to another address; gives what undoes it. */
export function turns(turned: () => void): () => void {
  let address = location.pathname + location.search;
  const look = () => {
    // After the page's own script, which sets the title.
    setTimeout(() => {
      const now = location.pathname + location.search;
      if (now === address) return;
      address = now;
      turned();
    });
  };
  const own = { pushState: history.pushState, replaceState: history.replaceState };
  for (const name of ["pushState", "replaceState"] as const) {
    history[name] = function (this: History, ...what: Parameters<History["pushState"]>) {
      own[name].apply(this, what);
      look();
    };
  }
  addEventListener("popstate", look);
  return () => {
    removeEventListener("popstate", look);
    Object.assign(history, own);
  };
}
