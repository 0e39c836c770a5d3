/** Ids from chance that the caller brings. */

const HEX: readonly string[] = Array.from({ length: 256 }, (_, i) => (i + 256).toString(16).slice(1));

function write(bytes: Uint8Array, version: number): string {
  bytes[6] = (bytes[6]! & 15) | (version << 4);
  bytes[8] = (bytes[8]! & 63) | 128;
  const hex = Array.from(bytes, (byte) => HEX[byte]!).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** An id that says nothing: for a device. `chance` are 16 random bytes, which are used up. */
export function blindId(chance: Uint8Array): string {
  return write(chance, 4);
}

/** An id that sorts by time and holds its day, so that a retry is known as one (UUID version 7, RFC 9562): for a call. */
export function timedId(now: number, chance: Uint8Array): string {
  for (let i = 5, rest = now; i >= 0; i--) {
    chance[i] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  return write(chance, 7);
}

/** The milliseconds since 1970 inside a timed id; NaN for any other text. */
export function timeOf(id: string): number {
  return id[14] === "7" ? parseInt(id.slice(0, 8) + id.slice(9, 13), 16) : NaN;
}

/** How many bytes a text has in UTF-8. */
export function weigh(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    // Each half of a pair counts two, the whole four.
    bytes += code < 128 ? 0 : code < 2048 || (code >= 0xd800 && code < 0xe000) ? 1 : 2;
  }
  return bytes;
}
