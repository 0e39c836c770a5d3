(function (page, name, origin) {
  var stub = (page[name] = page[name] || []);
  if (stub.load) return;
  "track page screen identify group alias reset ready on once off setAnonymousId flush cart.added cart.removed cart.viewed product.viewed product.clicked list.viewed list.searched wishlist.added wishlist.removed order.started order.completed consent.answer consent.show"
    .split(" ")
    .forEach(function (path) {
      var steps = path.split("."), owner = steps[1] ? (stub[steps[0]] = stub[steps[0]] || {}) : stub;
      owner[steps.pop()] = function () {
        stub.push([path].concat([].slice.call(arguments)));
        return stub;
      };
    });
  stub.load = function (key, options) {
    stub._load = [key, options];
    var script = document.createElement("script");
    script.async = true;
    script.src = origin + "/sdk/oportuno.min.js";
    document.head.appendChild(script);
  };
})(window, "analytics", "https://events.tiendanorte.example");
