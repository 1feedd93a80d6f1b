"""What the documentation says can be done: links lead somewhere, commands parse, snippets run."""

import json
import re
from urllib.parse import unquote

import pytest
import yaml
from fenced import ROOT, blocks, commands, documents, parse
from small_world import AREA, PERIOD, command, without_weights, write_catalog

DOCUMENTS = {p.relative_to(ROOT).as_posix(): p.read_text("utf-8") for p in documents()}
CAMPAIGNS = sorted((ROOT / "jobs").glob("*.toml"))
CUBE_GUIDE = DOCUMENTS["docs/how-to/read-a-cube.md"]


def anchors(text):
    """Return the anchors of a document's headings, as code hosts make them."""
    titles = re.findall(r"^#+ +(.+)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", t.lower()).replace(" ", "-") for t in titles}


def said():
    """Return every eomap command of the documents, with the place it stands at."""
    shell = [(name, block) for name, text in DOCUMENTS.items() for block in blocks(text, "sh")]
    return [(name, words[1:]) for name, text in shell for words in commands(text, "eomap")]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_link_leads_somewhere(name):
    prose = re.sub(r"```.*?```|`[^`\n]*`", "", DOCUMENTS[name], flags=re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", prose):
        if not re.match(r"https?://", target):
            path, _, anchor = unquote(target).partition("#")
            file = (ROOT / name).parent / path if path else ROOT / name
            assert file.exists(), target
            assert not anchor or anchor in anchors(file.read_text("utf-8")), target


@pytest.mark.parametrize("name", DOCUMENTS)
def test_no_document_names_a_machine(name):
    assert not re.search(r"(?<![\w.])/(work|root|home|Users)/", DOCUMENTS[name])


def test_every_page_can_be_reached_from_the_index():
    reached, todo = set(), [ROOT / "README.md"]
    while todo:
        page = todo.pop().resolve()
        if page not in reached and page.suffix == ".md":
            reached.add(page)
            links = re.findall(r"\]\(([^)#\s]+\.md)[^)]*\)", page.read_text("utf-8"))
            todo += [page.parent / link for link in links if "://" not in link]
    assert {p.resolve() for p in (ROOT / "docs").rglob("*.md")} <= reached


@pytest.mark.parametrize(("name", "words"), said(), ids=lambda v: v if isinstance(v, str) else " ".join(v))
def test_every_command_parses(name, words):
    parse(words)


@pytest.mark.parametrize("campaign", CAMPAIGNS, ids=lambda p: p.name)
def test_campaigns_parse_and_are_listed(campaign):
    parse(["run", "--campaign", str(campaign)])
    assert f"({campaign.name})" in DOCUMENTS["jobs/README.md"]


@pytest.fixture
def in_folder_with_a_cube(tmp_path, monkeypatch, capsys):
    """The working directory holds two cubes made from a small made-up catalogue, and `zones.geojson`."""
    root = write_catalog(tmp_path / "catalog")
    monkeypatch.chdir(tmp_path)
    without_weights(monkeypatch)
    words = ("--bbox", AREA, "--catalog", root, "--period", PERIOD, "--layer", "probability")
    code, _, err = command(monkeypatch, capsys, "run", *words, "--engine", "inline", "--out", "map.zarr")
    assert code == 0, err
    words = (*words[:-2], "--grid", "utm", "--engine", "inline", "--out", "zones.zarr")
    code, _, err = command(monkeypatch, capsys, "run", *words)
    assert code == 0, err
    west, south, east, north = map(float, AREA.split(","))
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    (tmp_path / "zones.geojson").write_text(json.dumps({"type": "Polygon", "coordinates": [ring]}))
    return tmp_path


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
def test_what_the_cube_guide_shows_works(in_folder_with_a_cube, monkeypatch, capsys):
    names = {}
    for block in blocks(CUBE_GUIDE, "python"):
        exec(compile(block, "read-a-cube.md", "exec"), names)
    assert names["cube"].attrs["eomap:status"] == "complete" and names["answer"]["status"] == "valid"
    assert 1 <= float(names["mapped"].min()) <= float(names["mapped"].max()) <= 17
    assert min(names["part"].shape) > 5
    assert names["in_metres"].rio.crs.to_epsg() == 32633
    for block in blocks(CUBE_GUIDE, "sh"):
        for words in commands(block, "eomap"):
            code, _, err = command(monkeypatch, capsys, *words[1:])
            assert code == 0, (words, err)


def test_what_the_cube_guide_says_of_layers_is_what_layers_are():
    from eomap.products import product

    rows = re.findall(r"^\| `(\w+)` \| `(\w+)`", CUBE_GUIDE, re.M)
    assert rows == [(g.name, g.dtype) for p in ("lcz", "composite") for g in product(p).gives]
    by_name = {g.name: g for g in product("lcz").gives}
    assert (by_name["lcz"].no_look, by_name["lcz"].fill, by_name["n_clear"].fill) == (0, 255, 65535)
    assert all(g.scale == 1 / 250 and g.fill == 255 for g in by_name.values() if g.scale)
    composite = {g.name: (g.no_look, g.fill, g.scale) for g in product("composite").gives}
    assert composite == {
        "reflectance": (0, 65535, 1e-4),
        "n_clear": (None, 65535, None),
        "spread": (None, 65535, 1e-4),
        "day": (None, 65535, None),
    }


def test_the_cluster_example_is_what_ray_accepts():
    import jsonschema
    import ray

    with open(f"{ray.__path__[0]}/autoscaler/ray-schema.json", encoding="utf-8") as file:
        schema = json.load(file)
    jsonschema.validate(yaml.safe_load((ROOT / "infra/ray-cluster.yaml").read_text("utf-8")), schema)


def test_infrastructure_names_files_and_versions_that_exist():
    pins = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().split() if "==" in line)
    cluster = yaml.safe_load((ROOT / "infra/kuberay.yaml").read_text("utf-8"))
    assert cluster["spec"]["rayVersion"] == pins["ray"]
    recipe = (ROOT / "infra/Containerfile").read_text("utf-8")
    for sources in re.findall(r"^COPY (.+) \S+$", recipe, re.M):
        assert all((ROOT / source).exists() for source in sources.split())
    for words in re.findall(r"eomap (models fetch [\w-]+)", recipe):
        parse(words.split())
    listed = set(re.findall(r"\]\(([\w.-]+)\)", DOCUMENTS["infra/README.md"]))
    assert listed == {p.name for p in (ROOT / "infra").iterdir()} - {"README.md"}
