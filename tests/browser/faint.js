// Every text whose contrast to the colour behind it is below 4.5, as the accessibility guidelines ask; once each, and of the first 2,000.
(() => {
  const parts = colour => (colour.match(/[\d.]+/g) || []).map(Number);
  const solid = colour => { const found = parts(colour); return found.length === 3 || found[3] === 1; };
  const light = colour => {
    const [red, green, blue] = parts(colour).map(one => one / 255)
      .map(one => one <= 0.03928 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4);
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const behind = element => {
    for (let one = element; one; one = one.parentElement) {
      const colour = getComputedStyle(one).backgroundColor;
      if (solid(colour)) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const below = text => {  // the last shape drawn under a text of a picture
    const box = text.getBoundingClientRect(), x = box.x + box.width / 2, y = box.y + box.height / 2;
    const shapes = [...text.ownerSVGElement.querySelectorAll("rect, polygon, circle")].filter(shape => {
      const area = shape.getBoundingClientRect();
      const fill = getComputedStyle(shape).fill;
      return shape.compareDocumentPosition(text) & Node.DOCUMENT_POSITION_FOLLOWING && solid(fill) && fill !== "none"
        && area.x <= x && x <= area.right && area.y <= y && y <= area.bottom;
    });
    return shapes.length ? getComputedStyle(shapes.at(-1)).fill : behind(text.ownerSVGElement);
  };
  const found = new Map();
  const note = (text, ink, paper) => {
    const [high, low] = [light(ink), light(paper)].sort((one, other) => other - one);
    const contrast = (high + 0.05) / (low + 0.05), key = `${ink} on ${paper}`;
    if (contrast < 4.5 && !found.has(key)) found.set(key, `${text.trim().slice(0, 40)} (${key}, ${contrast.toFixed(1)})`);
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(), seen = 0; node && seen < 2000; node = walker.nextNode(), seen++) {
    const element = node.parentElement;
    if (!node.textContent.trim() || element.closest("script, style, title, desc")) continue;
    if (!element.checkVisibility()) continue;
    if (element.ownerSVGElement) note(node.textContent, getComputedStyle(element).fill, below(element));
    else note(node.textContent, getComputedStyle(element).color, behind(element));
  }
  return [...found.values()];
})()
