/** Who wants to hear what. A listener that raises harms nobody else. */

export type Listener = (...told: any[]) => void;

export class Emitter {
  private heard: Record<string, Listener[]> = {};

  on(name: string, listener: Listener): this {
    (this.heard[name] ||= []).push(listener);
    return this;
  }

  once(name: string, listener: Listener): this {
    const first: Listener = (...told) => {
      this.off(name, first);
      listener(...told);
    };
    return this.on(name, first);
  }

  /** Forgets one listener, or all of a name. */
  off(name: string, listener?: Listener): this {
    this.heard[name] = listener ? (this.heard[name] || []).filter((each) => each !== listener) : [];
    return this;
  }

  emit(name: string, ...told: unknown[]): this {
    for (const each of (this.heard[name] || []).slice()) quietly(() => each(...told));
    return this;
  }
}

/** Does something of the page's own; its faults are shown in the console and go no further. */
export function quietly(act: () => void): void {
  try {
    act();
  } catch (fault) {
    const { console } = globalThis as { console?: { error(...what: unknown[]): void } };
    console?.error("oportuno:", fault);
  }
}
