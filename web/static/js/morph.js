// Makes one element like another by changing only what differs: focus, scrolling, selections and opened details stay.
// Elements with an id are matched by it, others by their place.

export function morph(old, fresh) {
  sameAttributes(old, fresh);
  const named = new Map();
  for (const child of old.children) if (child.id) named.set(child.id, child);
  let place = old.firstChild;
  for (const wanted of [...fresh.childNodes]) {
    const match = wanted.id ? named.get(wanted.id) : unnamed(place, wanted, named);
    if (match && match.nodeName === wanted.nodeName) {
      if (match === place) place = place.nextSibling;
      else old.insertBefore(match, place);
      same(match, wanted);
    } else {
      old.insertBefore(wanted, place);
    }
  }
  while (place) {
    const next = place.nextSibling;
    place.remove();
    place = next;
  }
}

// What stands at this place, if it is of the same sort and is not to go elsewhere by its id.
function unnamed(place, wanted, named) {
  const fits = place && place.nodeName === wanted.nodeName && !(place.id && named.has(place.id));
  return fits ? place : null;
}

function same(old, fresh) {
  if (old.nodeType === Node.ELEMENT_NODE) morph(old, fresh);
  else if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
}

function sameAttributes(old, fresh) {
  for (const { name } of [...old.attributes]) {
    // What the reader has opened stays open.
    if (!fresh.hasAttribute(name) && name !== "open") old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
}
