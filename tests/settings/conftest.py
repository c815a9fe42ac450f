from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from greencam.base.errors import SettingsError
from greencam.settings.load import load
from greencam.settings.model import Settings

Load = Callable[..., Settings]
Problems = Callable[..., list[str]]


@pytest.fixture
def loaded(tmp_path: Path) -> Load:
    """Settings of a checkout with these two files and this environment."""

    def load_from(config: str | None = None, site: str | None = None, **environ: str) -> Settings:
        if config is not None:
            (tmp_path / "config.py").write_text(config)
        if site is not None:
            (tmp_path / "config").mkdir(exist_ok=True)
            (tmp_path / "config/config.yaml").write_text(site)
        return load(tmp_path, {f"GREENCAM_{name}": value for name, value in environ.items()})

    return load_from


@pytest.fixture
def problems(loaded: Load) -> Problems:
    """The problems of the same."""

    def problems_of(config: str | None = None, site: str | None = None, **environ: str) -> list[str]:
        with pytest.raises(SettingsError) as caught:
            loaded(config, site, **environ)
        return caught.value.problems

    return problems_of
