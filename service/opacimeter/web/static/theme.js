// Before the first paint, so that nothing flashes: light or dark as chosen here, else the system's.
{
  const chosen = localStorage.getItem("opacimeter.theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
}
