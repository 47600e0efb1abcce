const search = document.getElementById("search");
search.addEventListener("input", () => {
  const wanted = search.value.toLowerCase();
  for (const section of document.querySelectorAll("section")) {
    let found = false;
    for (const entry of section.querySelectorAll(".case")) {
      entry.hidden = !entry.textContent.toLowerCase().includes(wanted);
      found ||= !entry.hidden;
    }
    section.hidden = !found;
  }
});
const show = () => document.getElementById(decodeURIComponent(location.hash.slice(1)))?.setAttribute("open", "");
addEventListener("hashchange", show);
show();
