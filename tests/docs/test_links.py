"""The papers: what they link is there, and every page of docs/ is linked from README."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAPERS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / ".github").glob("*.md"))]
LINK = re.compile(r"\]\(([^)#\s]+)")


def local_links(paper):
    return [link for link in LINK.findall(paper.read_text(encoding="utf-8")) if not re.match(r"https?:|mailto:", link)]


@pytest.mark.parametrize("paper", PAPERS, ids=lambda paper: paper.name)
def test_what_a_paper_links_is_there(paper):
    assert not [link for link in local_links(paper) if not (paper.parent / link).exists()]


def test_every_page_is_linked_from_the_readme():
    linked = {(ROOT / link).resolve() for link in local_links(ROOT / "README.md")}
    pages = {page for page in (ROOT / "docs").glob("*.md") if page.stem not in {"index", "api"}}  # these are of the built site
    assert pages
    assert not {page.name for page in pages - linked}


def test_files_that_are_named_in_backticks_are_there():
    path = re.compile(r"`((?:explorer|tests|notebooks|assets|benchmarks)/[\w/.]+?)/?`")
    named = {(paper.name, name) for paper in PAPERS for name in path.findall(paper.read_text(encoding="utf-8"))}
    assert len(named) > 10
    assert not {(paper, name) for paper, name in named if "LANGUAGE" not in name and "name." not in name and not (ROOT / name).exists()}
