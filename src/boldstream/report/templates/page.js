"use strict";
(() => {
  const value = (row, column) => {
    const cell = row.cells[column];
    return cell.dataset.sort === undefined ? cell.textContent.trim() : Number(cell.dataset.sort);
  };
  // Numbers in order, then text; what is missing stays below, whichever way it is sorted.
  const compare = (a, b, sign) => {
    const numbers = [a, b].map((one) => typeof one === "number" && !Number.isNaN(one));
    if (numbers[0] && numbers[1]) return sign * (a - b);
    if (numbers[0] !== numbers[1]) return numbers[0] ? -1 : 1;
    return sign * String(a).localeCompare(String(b), undefined, { numeric: true });
  };
  const sort = (table, heading) => {
    const sign = heading.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
    const rows = [...table.tBodies[0].rows];
    const column = heading.cellIndex;
    rows.sort((a, b) => compare(value(a, column), value(b, column), sign));
    table.tBodies[0].append(...rows);
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    for (const heading of table.tHead.rows[0].cells) {
      const button = document.createElement("button");
      button.type = "button";
      button.title = "Sort by this column";
      button.append(...heading.childNodes);
      button.addEventListener("click", () => sort(table, heading));
      heading.append(button);
    }
  }
  for (const button of document.querySelectorAll("button[data-copy]")) {
    if (!navigator.clipboard) continue;
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).innerText);
      button.textContent = "Copied";
    });
  }
  addEventListener("beforeprint", () => {
    for (const details of document.querySelectorAll("main details")) details.open = true;
  });
})();
