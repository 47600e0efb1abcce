// What is wrong with the page that is shown, one line for each fault. For everybody, and for those
// who hear pages or see little.
(() => {
  const faults = [];
  const all = (selector) => Array.from(document.querySelectorAll(selector));
  const shown = (element) => element.checkVisibility({ visibilityProperty: true });
  const name = (element) =>
    element.getAttribute("aria-label") ||
    element.getAttribute("title") ||
    element.innerText.trim() ||
    element.querySelector("img[alt]")?.alt;
  const path = (element) => `<${element.localName}${element.id && ` id=${element.id}`}>`;

  if (!document.title.trim()) faults.push("no title");
  if (!document.documentElement.lang) faults.push("no language");
  if (all("h1").filter(shown).length !== 1) faults.push("not one h1");
  if (all("main").length !== 1) faults.push("not one main");
  if (!document.querySelector("meta[name=viewport]")) faults.push("no viewport");
  if (document.compatMode !== "CSS1Compat") faults.push("quirks mode");
  if (document.documentElement.scrollWidth > innerWidth) faults.push("wider than the window");

  for (const own of all("a[href], button, input:not([type=hidden])").filter(shown)) {
    const around = own.closest("header, main, section, dialog, footer");
    if (!around || own.closest(".scroll")) continue;
    if (own.getBoundingClientRect().right > around.getBoundingClientRect().right + 1) {
      faults.push(`${path(own)} sticks out of ${path(around)}`);
    }
  }

  const levels = all("h1, h2, h3, h4").filter(shown).map((own) => Number(own.localName[1]));
  levels.forEach((level, i) => {
    if (i > 0 && level > levels[i - 1] + 1) faults.push(`h${level} below h${levels[i - 1]}`);
  });
  const ids = all("[id]").map((own) => own.id);
  for (const id of new Set(ids.filter((id, i) => ids.indexOf(id) !== i))) {
    faults.push(`more than one id=${id}`);
  }
  for (const own of all("a[href], button, summary").filter(shown)) {
    if (!name(own)) faults.push(`${path(own)} has no name`);
  }
  for (const own of all("input:not([type=hidden]), select, textarea")) {
    if (!own.labels.length && !own.ariaLabel) faults.push(`${path(own)} has no label`);
  }
  for (const own of all("img:not([alt])")) faults.push(`${path(own)} has no alt`);
  for (const own of all("[tabindex]")) {
    if (own.tabIndex > 0) faults.push(`${path(own)} is out of the order of the page`);
  }
  for (const attribute of ["aria-labelledby", "aria-describedby", "for"]) {
    for (const own of all(`[${attribute}]`)) {
      for (const id of own.getAttribute(attribute).split(" ")) {
        if (!document.getElementById(id)) faults.push(`${path(own)} refers to no id=${id}`);
      }
    }
  }
  for (const own of all("th")) if (!own.scope) faults.push(`<th> ${own.innerText} has no scope`);

  // Contrast (WCAG 2.2, 1.4.3): 4.5, or 3 for large text.
  const rgb = (text) => {
    const [r, g, b, a = 1] = text.match(/[\d.]+/g).map(Number);
    return { r, g, b, a };
  };
  const light = ({ r, g, b }) => {
    const [x, y, z] = [r, g, b].map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const over = (top, below) => {
    const mix = (x, y) => x * top.a + y * (1 - top.a);
    return { r: mix(top.r, below.r), g: mix(top.g, below.g), b: mix(top.b, below.b), a: 1 };
  };
  const behind = (element) => {
    if (!element) return rgb("255, 255, 255");
    const own = rgb(getComputedStyle(element).backgroundColor);
    return own.a === 1 ? own : over(own, behind(element.parentElement));
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const seen = new Set();
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || !shown(element) || seen.has(element)) continue;
    seen.add(element);
    if (element.closest("[aria-hidden=true], :disabled, script, style")) continue;
    const style = getComputedStyle(element);
    const back = behind(element);
    const [one, other] = [light(over(rgb(style.color), back)), light(back)].sort((a, b) => b - a);
    const contrast = (one + 0.05) / (other + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (contrast < (large ? 3 : 4.5)) {
      const text = element.innerText.trim().slice(0, 30);
      faults.push(`${path(element)} "${text}" has a contrast of ${contrast.toFixed(2)}`);
    }
  }
  return faults;
})();
