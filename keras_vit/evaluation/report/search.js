// Shows the rows of the table of classes whose name holds what is typed.
const search = document.getElementById("search");
const rows = [...search.closest("p").nextElementSibling.querySelectorAll("tbody tr")];
search.addEventListener("input", () => {
  const wanted = search.value.trim().toLowerCase();
  for (const row of rows) {
    row.hidden = !row.cells[0].textContent.toLowerCase().includes(wanted);
  }
});
