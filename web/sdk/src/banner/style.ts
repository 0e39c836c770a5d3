/** The question's look: the shop's own letters, and colours that the shop may set as custom properties of its page. */

export const STYLE = `
:host{all:initial;font-family:inherit;color-scheme:inherit;
--brand:var(--oportuno-brand,#0d4450);--accent:var(--oportuno-accent,#f8c81c);--ink:var(--oportuno-ink,#12262b);--paper:var(--oportuno-paper,#fff);
--on-brand:var(--oportuno-on-brand,#fff);--focus:var(--oportuno-focus,#0b57d0);--radius:var(--oportuno-radius,10px);
--ink-2:#41555a;--line:#d5dadc;--edge:#71797c;--fog:#f3f6f7;--tint:#e4ebec}
@supports (color:light-dark(#000,#fff)){:host{
--brand:var(--oportuno-brand,light-dark(#0d4450,#8fd3d6));--on-brand:var(--oportuno-on-brand,light-dark(#fff,#0a1c20));
--ink:var(--oportuno-ink,light-dark(#12262b,#e9f1f1));--paper:var(--oportuno-paper,light-dark(#fff,#12262b));--focus:var(--oportuno-focus,light-dark(#0b57d0,#9cc2ff));
--ink-2:color-mix(in oklab,var(--ink) 80%,var(--paper));--line:color-mix(in oklab,var(--ink) 17%,var(--paper));--edge:color-mix(in oklab,var(--ink) 60%,var(--paper));
--fog:color-mix(in oklab,var(--brand) 5%,var(--paper));--tint:color-mix(in oklab,var(--brand) 11%,var(--paper))}}
*{box-sizing:border-box}
section{position:fixed;inset:auto 0 0 0;z-index:2147483000;max-height:calc(100vh - 40px);max-height:calc(100dvh - 40px);overflow:auto;overscroll-behavior:contain;
background:var(--paper);color:var(--ink);border-top:4px solid var(--accent);box-shadow:0 -10px 40px rgb(10 40 48/.18);font-size:16px;line-height:1.5;text-align:start;-webkit-text-size-adjust:100%}
.in{max-width:1240px;margin:auto;padding:26px 24px;display:grid;grid-template-columns:1.25fr 1fr 1fr;gap:20px 28px}
h2{margin:0 0 8px;font-family:var(--oportuno-font-display,inherit);font-size:25px;line-height:1.16;font-weight:700;letter-spacing:-.012em;text-wrap:balance;outline:0}
h3{margin:0;font-family:var(--oportuno-font-display,inherit);font-size:18px;line-height:1.25;font-weight:660}
p{margin:0;text-wrap:pretty}b{font-weight:680}
.what{display:flex;flex-direction:column;justify-content:space-between;gap:14px;border-inline-start:1px solid var(--line);padding-inline-start:28px}
.what p,.quiet{font-size:15.5px;line-height:1.48;color:var(--ink-2)}
button{font-family:inherit;font-size:16px;line-height:1.2;font-weight:640;letter-spacing:inherit;min-height:46px;padding:10px 20px;border:1.5px solid var(--brand);border-radius:var(--radius);background:var(--paper);color:var(--brand);cursor:pointer;text-align:center}
button:hover{background:var(--tint)}
button.main{background:var(--brand);color:var(--on-brand);width:100%}
button.link,a{font-size:16px;font-weight:600;color:var(--brand);text-decoration:underline;text-decoration-thickness:1px;text-underline-offset:.18em;border-radius:3px}
button.link{border:0;background:none;padding:3px 0;min-height:30px;text-align:start}
button.link:hover,a:hover{text-decoration-thickness:2px;background:none}
.links{display:flex;flex-wrap:wrap;gap:0 22px;margin-top:10px;align-items:baseline}
:focus-visible{outline:3px solid var(--focus);outline-offset:3px}
.detail{max-width:800px;margin:auto;padding:28px 24px 24px;display:grid;gap:18px}
.detail h2{margin:0 0 6px;font-size:27px}
.pair{display:grid;grid-template-columns:1fr 1fr;gap:12px}
fieldset{border:1px solid var(--line);border-radius:calc(var(--radius)*1.4);margin:0;padding:18px 20px 20px;min-width:0;display:grid;gap:12px}
legend{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.door{position:relative;display:grid;grid-template-columns:24px 1fr;gap:4px 12px;align-content:start;border:1.5px solid var(--edge);border-radius:var(--radius);padding:14px;cursor:pointer}
.door b{font-size:16.5px;line-height:24px}.door span{grid-column:1/-1;font-size:15px;line-height:1.45;color:var(--ink-2)}
.door:hover{background:var(--fog)}
.door:has(:checked){border-color:var(--brand);box-shadow:inset 0 0 0 1.5px var(--brand);background:color-mix(in oklab,var(--brand) 9%,var(--paper))}
.door:has(:checked) span{color:var(--ink)}
.door:has(:focus-visible){outline:3px solid var(--focus);outline-offset:3px}.door :focus-visible{outline:none}
input{appearance:none;width:24px;height:24px;margin:0;border:1.5px solid var(--edge);border-radius:50%;background:var(--paper);cursor:pointer}
input:checked{border-color:var(--brand);background:radial-gradient(circle,var(--brand) 6px,var(--paper) 6.5px)}
.small{font-size:14.5px;line-height:1.45;color:var(--ink-2)}
.spoken{position:fixed;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
@media (max-width:860px){.in{grid-template-columns:1fr 1fr;padding:20px 18px 18px;gap:16px}.lead{grid-column:1/-1}h2{font-size:22px}
.what{border-inline-start:0;padding:12px 0 0;border-top:1px solid var(--line)}.what p{font-size:14.5px;line-height:1.42}.what button{padding-inline:8px}
.detail{padding:22px 18px 18px;gap:16px}.detail h2{font-size:24px}fieldset{padding:16px}}
@media (max-width:560px){.pair{gap:10px}.pair.col{grid-template-columns:1fr}}
@media (max-width:300px){.in,.pair{grid-template-columns:1fr}}
@media (max-height:480px){section{max-height:75vh;max-height:75dvh}.in{padding-block:14px;gap:10px 22px}h2{font-size:20px}}
@media (forced-colors:active){input{appearance:auto}}
@media print{section{display:none}}
`;

/** Gives the look to a shadow root, under any policy that forbids styles written into a page. */
export function dress(root: ShadowRoot): void {
  try {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
  } catch {
    const style = document.createElement("style");
    style.textContent = STYLE;
    root.append(style);
  }
}
