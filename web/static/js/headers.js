// Offers the names in a CSV file's first line for the fields that say which column is what.

const BEGINNING = 4096;
const DELIMITERS = [",", ";", "\t", "|"];
const MOST = 100;

export async function offerHeaders(file, datalist) {
  const names = file ? namesIn(await file.slice(0, BEGINNING).text()) : [];
  datalist.replaceChildren(...names.map((name) => Object.assign(document.createElement("option"), { value: name })));
}

// Only a help for typing: the server finds the header by better means.
function namesIn(text) {
  const line = text.replace(/^\uFEFF/, "").split(/\r\n|\n|\r/).find((each) => each.trim()) || "";
  const delimiter = DELIMITERS.reduce((best, sign) => (line.split(sign).length > line.split(best).length ? sign : best));
  const names = line.split(delimiter).map((name) => name.trim().replace(/^"(.*)"$/, "$1").replaceAll('""', '"'));
  return [...new Set(names.filter(Boolean))].slice(0, MOST);
}
