// Follow the system's light or dark theme, as the desk's pages do, until the person chooses one.
if (!localStorage.getItem("vite-ui-theme")) localStorage.setItem("vite-ui-theme", "system");
