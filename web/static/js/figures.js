// Figures made readable, from their digits as text: no float touches them. The rules are those of web/pages/figures.py.
// Each takes digits as Postgres writes them ("-0.00123", "1e-9" too), or null for unknown.

const UNKNOWN = "—";
const MINUS = "−";
const UNITS = [[6, "M"], [9, "B"], [12, "T"]];
const SCIENTIFIC = 18;
const SUBSCRIPTS = "₀₁₂₃₄₅₆₇₈₉";
const SHOWN_DIGITS = 4;
const MOST_ZEROS = 3;

export function price(text) {
  const number = read(text);
  if (!number) return UNKNOWN;
  return `${sign(number)}$${isSmall(number) ? small(number) : large(number, 2)}`;
}

export function amount(text) {
  const number = read(text);
  return number ? `${sign(number)}$${short(number)}` : UNKNOWN;
}

export function number(text) {
  const found = read(text);
  return found ? `${sign(found)}${short(found)}` : UNKNOWN;
}

export function percent(text) {
  const number = read(text);
  if (!number) return UNKNOWN;
  const rounded = round(number, 2);
  if (isZero(rounded)) return "0.00%";
  return `${number.negative ? MINUS : "+"}${large(rounded, 2)}%`;
}

// "up", "down" or "level", as far as percent() shows.
export function trend(text) {
  const number = read(text);
  if (!number || isZero(round(number, 2))) return "level";
  return number.negative ? "down" : "up";
}

// All digits, without an exponent.
export function exact(text) {
  const number = read(text);
  if (!number) return "";
  return (number.negative ? "-" : "") + plain(number);
}

// A number is its digits and how many of them stand behind the point; a negative count means zeros before it.
function read(text) {
  if (text === null || text === undefined) return null;
  const match = /^([+-]?)(\d+)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/.exec(String(text));
  if (!match) return null;
  const [, minus, whole, behind = "", exponent = "0"] = match;
  return trimmed({ negative: minus === "-", digits: whole + behind, places: behind.length - Number(exponent) });
}

function trimmed(number) {
  const digits = number.digits.replace(/^0+(?=\d)/, "");
  return { ...number, digits, places: digits === "0" ? Math.max(0, number.places) : number.places };
}

function isZero(number) {
  return /^0+$/.test(number.digits);
}

// The power of ten of its first digit.
function magnitude(number) {
  return number.digits.length - 1 - number.places;
}

function isSmall(number) {
  return !isZero(number) && magnitude(number) < 0;
}

function sign(number) {
  return number.negative && !isZero(number) ? MINUS : "";
}

function round(number, places) {
  const drop = number.places - places;
  if (drop <= 0) return trimmed({ ...number, digits: number.digits + "0".repeat(-drop), places });
  const padded = number.digits.padStart(drop + 1, "0");
  const kept = BigInt(padded.slice(0, -drop));
  const up = padded[padded.length - drop] >= "5" ? 1n : 0n;
  return { ...number, digits: String(kept + up), places };
}

function plain(number) {
  if (number.places <= 0) return number.digits + "0".repeat(-number.places);
  const padded = number.digits.padStart(number.places + 1, "0");
  return `${padded.slice(0, -number.places)}.${padded.slice(-number.places)}`;
}

function small(number) {
  const rounded = round(number, SHOWN_DIGITS - 1 - magnitude(number));
  const digits = plain(rounded);
  if (digits.startsWith("1")) return "1.00";
  const behind = digits.split(".")[1];
  const shown = behind.replace(/^0+/, "");
  const zeros = behind.length - shown.length;
  const kept = shown.replace(/0+$/, "");
  if (zeros > MOST_ZEROS) return `0.0${[...String(zeros)].map((digit) => SUBSCRIPTS[digit]).join("")}${kept}`;
  return `0.${("0".repeat(zeros) + kept).padEnd(2, "0")}`;
}

function short(number) {
  if (isSmall(number)) return small(number);
  const whole = round(number, 0);
  if (magnitude(whole) < 6) {
    const behind = number.places > 0 ? plain(number).split(".")[1] : "";
    return large(number, magnitude(number) >= 3 || /^0*$/.test(behind) ? 0 : 2);
  }
  if (magnitude(number) >= SCIENTIFIC) return large(number, 2);
  for (const [power, unit] of UNITS) {
    const shown = round({ ...number, places: number.places + power }, 2);
    // Rounding may lift 999,999,999 into the next unit.
    if (magnitude(shown) < 3 || unit === "T") return large(shown, 2) + unit;
  }
}

function large(number, places) {
  if (magnitude(number) >= SCIENTIFIC) {
    const rounded = round(number, number.places - (number.digits.length - 3));
    const digits = rounded.digits;
    return `${digits[0]}.${digits.slice(1, 3)}e${magnitude(rounded)}`;
  }
  const [whole, behind] = plain(round(number, places)).split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return behind ? `${grouped}.${behind}` : grouped;
}
