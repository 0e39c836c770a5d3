/** How long a product was in sight: said once, when the look ends, as the event that the server weighs. */

import type { Properties } from "../core/calls.js";
import type { Product } from "../core/shop.js";

/** Longer says no more: nobody reads on, the page was left open. */
const LONGEST = 90_000;
/** Shorter is no look. */
const SHORTEST = 1_000;
/** After the tab was left, this much more is another look. */
const ANOTHER = 30_000;

/** How much of an element comes into sight before somebody looks again whether it is enough: in small steps, for the tall ones. */
const STEPS = Array.from({ length: 21 }, (_, i) => i / 20);

interface Look {
  product: Product;
  /** Milliseconds in sight so far. */
  ms: number;
  /** How many of them were said. */
  said: number;
  /** Since when it is in sight now; -1: it is not. */
  since: number;
  inside: boolean;
  timer: ReturnType<typeof setTimeout> | undefined;
}

const ATTRIBUTE = "data-oportuno-product";

export class Looks {
  private readonly looks = new Map<Element, Look>();
  private readonly eye: IntersectionObserver | null;
  private running = false;

  constructor(private readonly say: (event: string, properties: Properties) => void) {
    const see = (entries: IntersectionObserverEntry[]) => entries.forEach((entry) => this.see(entry));
    this.eye = "IntersectionObserver" in window ? new IntersectionObserver(see, { threshold: STEPS }) : null;
  }

  /** Begins to count; before it, nothing is looked at. */
  start(): void {
    if (this.running) return;
    this.running = true;
    document.addEventListener("visibilitychange", this.turned);
    this.scan();
    for (const [element] of this.looks) this.eye?.observe(element);
  }

  /** Stops counting, and forgets what was counted. */
  stop(): void {
    this.running = false;
    document.removeEventListener("visibilitychange", this.turned);
    this.eye?.disconnect();
    for (const look of this.looks.values()) {
      clearTimeout(look.timer);
      Object.assign(look, { ms: 0, said: 0, since: -1, inside: false });
    }
  }

  /** Counts the seconds for which an element is in sight as a look at a product. */
  watch(element: Element, product: Product): void {
    this.end(element);
    this.looks.set(element, { product, ms: 0, said: 0, since: -1, inside: false, timer: undefined });
    if (this.running) this.eye?.observe(element);
  }

  /** The look is over: the product went away. */
  end(element: Element): void {
    const look = this.looks.get(element);
    if (!look) return;
    this.eye?.unobserve(element);
    this.pause(look);
    this.tell(look);
    this.looks.delete(element);
  }

  /** Watches what the page marks, and ends the looks at what it no longer shows. */
  scan(): void {
    if (!this.running) return;
    for (const element of [...this.looks.keys()]) if (!element.isConnected) this.end(element);
    document.querySelectorAll(`[${ATTRIBUTE}]`).forEach((element) => {
      const product = read(element.getAttribute(ATTRIBUTE) || "");
      if (product && !this.looks.has(element)) this.watch(element, product);
    });
  }

  private readonly turned = (): void => {
    for (const look of this.looks.values()) {
      if (document.visibilityState !== "hidden") this.resume(look);
      else {
        this.pause(look);
        this.tell(look);
      }
    }
  };

  private see({ target, isIntersecting, intersectionRatio, intersectionRect, rootBounds }: IntersectionObserverEntry): void {
    const look = this.looks.get(target);
    if (!look) return;
    const half = intersectionRatio >= 0.5 || intersectionRect.height >= (rootBounds?.height ?? innerHeight) / 2;
    look.inside = isIntersecting && half;
    if (look.inside) this.resume(look);
    else if (target.isConnected) this.pause(look);
    else this.end(target);
  }

  private resume(look: Look): void {
    if (!look.inside || look.since >= 0 || look.ms >= LONGEST || document.visibilityState === "hidden") return;
    look.since = performance.now();
    look.timer = setTimeout(() => {
      this.pause(look);
      this.tell(look);
    }, LONGEST - look.ms);
  }

  private pause(look: Look): void {
    if (look.since < 0) return;
    clearTimeout(look.timer);
    look.ms = Math.min(LONGEST, look.ms + performance.now() - look.since);
    look.since = -1;
  }

  private tell(look: Look): void {
    if (!this.running || look.ms - look.said < (look.said ? ANOTHER : SHORTEST)) return;
    const seconds = Math.round((look.ms - look.said) / 1_000);
    look.said = look.ms;
    this.say("Product Viewed", { ...look.product, visible_seconds: seconds });
  }
}

/** Reads the mark: a product's id, or all of it as JSON. */
function read(mark: string): Product | null {
  if (!mark.trim().startsWith("{")) return mark.trim() ? { product_id: mark.trim() } : null;
  try {
    return JSON.parse(mark) as Product;
  } catch {
    return null;
  }
}
