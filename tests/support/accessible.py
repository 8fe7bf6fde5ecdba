"""What axe-core finds on a page: WCAG 2.2 A and AA, its best practices and its experimental rules."""

from axe_playwright_python.sync_playwright import Axe
from pages import turn

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice", "experimental"]
ALL = {"type": "tag", "values": TAGS}
OF_COLOURS = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}  # all that the theme makes a difference to


def violations(page):
    """Return what is wrong on the page as it is, dark and light: the theme, the rule and the element of each."""
    found = []
    for theme, rules in (("dark", OF_COLOURS), ("light", ALL)):
        turn(page, theme)
        for one in Axe().run(page, options={"runOnly": rules, "resultTypes": ["violations"]}).response["violations"]:
            found += [f"{theme}: {one['id']}: {' '.join(map(str, node['target']))} {node['html'][:200]}" for node in one["nodes"]]
    return found
