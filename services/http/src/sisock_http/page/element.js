// Elements, made and changed: what does not change costs no layout.

export const element = (tag, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
};

/** Set a property only where it differs. */
export const set = (node, name, value) => {
  if (node[name] !== value) node[name] = value;
};

/** Have exactly these children, moving none that is in its place: what has the focus keeps it. */
export function reorder(parent, wanted) {
  const kept = new Set(wanted);
  for (const child of [...parent.children]) if (!kept.has(child)) child.remove();
  wanted.forEach((one, i) => {
    if (parent.children[i] !== one) parent.insertBefore(one, parent.children[i] ?? null);
  });
}

const NS = "http://www.w3.org/2000/svg";

/** An element of an SVG. */
export function drawn(tag, attributes = {}, ...children) {
  const made = document.createElementNS(NS, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}
