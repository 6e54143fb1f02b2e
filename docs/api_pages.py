"""Writes the pages of the API reference, one for each subpackage: python docs/api_pages.py"""

from pathlib import Path

PAGES = Path(__file__).with_name("api")
PACKAGE = Path(__file__).parents[1] / "finjax"
LEFT_OUT = (
    "finjax.commands",
    "finjax.realtime",
    "finjax.export",
    "finjax.exported",
    "finjax.restored",
    "finjax.training.parallel",
)  # programs, and old names
TOP = ("finjax", "finjax.run", "finjax.errors", "finjax.version")
LISTS = (
    "finjax.features",
    "finjax.pictures",
    "finjax.live",
    "finjax.estimator",
)  # they give what is described where it is defined
SUBPACKAGES = {
    "top": (
        "Main functions",
        "What most programs need: training a model, restoring it, the closed-form features.",
    ),
    "features": ("finjax.features", ""),
    "fit": ("finjax.fit", ""),
    "live": ("finjax.live", ""),
    "web": ("finjax.web", ""),
    "estimator": ("finjax.estimator", ""),
    "inference": ("finjax.inference", ""),
    "data": ("finjax.data", ""),
    "sources": ("finjax.sources", ""),
    "acquisition": ("finjax.acquisition", ""),
    "models": ("finjax.models", ""),
    "training": ("finjax.training", ""),
    "configs": ("finjax.configs", ""),
    "tasks": ("finjax.tasks", ""),
    "evaluation": ("finjax.evaluation", ""),
    "study": ("finjax.study", ""),
    "interop": ("finjax.interop", ""),
    "plots": ("finjax.plots", ""),
    "pictures": ("finjax.pictures", ""),
    "devices": ("finjax.devices", ""),
    "system": ("finjax.system", ""),
}


def documented_modules() -> set[str]:
    """Returns the names of the modules that the reference describes."""
    names = set()
    for file in PACKAGE.rglob("*.py"):
        parts = file.relative_to(PACKAGE.parent).with_suffix("").parts
        name = ".".join(parts).removesuffix(".__init__")
        if file.stem != "__main__" and not any(f"{name}.".startswith(f"{left_out}.") for left_out in LEFT_OUT):
            names.add(name)
    return names


def page(subpackage: str, modules: list[str]) -> str:
    """Returns the page of a subpackage as reStructuredText."""
    title, text = SUBPACKAGES[subpackage]
    lines = [title, "=" * len(title), "", *((text, "") if text else ())]  # else the docstring of the package says it
    for module in modules:
        if module != f"finjax.{subpackage}":
            lines += [module, "-" * len(module), ""]
        lines += [f".. automodule:: {module}", *(["   :no-members:"] if module in LISTS else []), ""]
    return "\n".join(lines)


def index() -> str:
    """Returns the page that lists the others."""
    return "\n".join(
        [
            "API reference",
            "=============",
            "",
            "Every module of finjax but the programs of the command line (`finjax.commands` and the files `__main__`),",
            "which `finjax --help` describes, and the old names of modules. So `finjax.commands.train.start`, which",
            "`main.py` calls, is not here. Shapes are in square brackets: `B` windows, `T` samples, `C` channels,",
            "`S` shadows, `F` features; :doc:`/architecture` lists all letters.",
            "",
            ".. toctree::",
            "   :maxdepth: 1",
            "",
            *(f"   {subpackage}" for subpackage in SUBPACKAGES),
            "",
        ]
    )


def main() -> None:
    """Writes the pages."""
    names = documented_modules()
    (PAGES / "index.rst").write_text(index(), encoding="utf-8")
    for subpackage in SUBPACKAGES:
        own = [name for name in sorted(names) if f"{name}.".startswith(f"finjax.{subpackage}.")]
        (PAGES / f"{subpackage}.rst").write_text(
            page(subpackage, list(TOP) if subpackage == "top" else own), encoding="utf-8"
        )


if __name__ == "__main__":
    main()
