"""``sisock-ci``: build, try and release sisock's packages and images, from a laptop or from any CI."""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from sisock_ci import (
    alone,
    bounds,
    changes,
    covered,
    dockerfiles,
    engine,
    index,
    lines,
    lint,
    made,
    new,
    publish,
    published,
    release,
    smoke,
    supply,
)
from sisock_ci.errors import CiError
from sisock_ci.services import Service, find, find_package, find_root, packages, services

MB = 1e6


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one step; a failure ends in one sentence."""
    options = _parser().parse_args(arguments)
    try:
        root = find_root(Path.cwd())
        step: Callable[[Path, argparse.Namespace], None] = options.step
        step(root, options)
    except CiError as error:
        sys.stderr.write(f"sisock-ci: {error}\n")
        return 1
    return 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _list(root: Path, options: argparse.Namespace) -> None:
    found = services(root)
    if options.json:
        _say(json.dumps([{"name": s.name, "version": s.version, "image": s.image} for s in found]))
        return
    for service in found:
        names = ", ".join((service.image, *service.also))
        _say(f"{service.name:<16} {service.version:<8} {names}")


def _changed(root: Path, options: argparse.Namespace) -> None:
    found = changes.touched(root, changes.changed_files(root, options.since))
    if options.json:
        _say(json.dumps(found))
        return
    for name in found:
        _say(name)


def _chosen(root: Path, options: argparse.Namespace) -> list[Service]:
    if options.all == bool(options.services):
        raise CiError("name services, or give --all")
    return services(root) if options.all else find(root, options.services)


def _build(root: Path, options: argparse.Namespace) -> None:
    client = engine.connect()
    for service in _chosen(root, options):
        name, taken = engine.build(client, root, service, pull=options.pull)
        size = client.images.get(name).attrs["Size"] / MB
        _say(f"built {name}: {size:.0f} MB, {taken:.1f} s")


def _test(root: Path, options: argparse.Namespace) -> None:
    client = engine.connect()
    [hub] = find(root, ["hub"])
    for service in _chosen(root, options):
        taken = smoke.try_image(client, service, hub)
        _say(f"tried {service.name}: healthy after {taken:.1f} s, ended in time")


def _push(root: Path, options: argparse.Namespace) -> None:
    client = engine.connect()
    for service in _chosen(root, options):
        digest = engine.push(client, root, service, release=options.release)
        _say(f"pushed {engine.reference(service, service.version)} {digest}")


def _release(root: Path, options: argparse.Namespace) -> None:
    package = find_package(root, options.package)
    publish.publish(root, package, published.named(), _say, asked=options.tag or "", keep=options.keep)


def _bases(root: Path, _options: argparse.Namespace) -> None:
    for name, digest in supply.renew(root, [dockerfiles.BASE], engine.connect()).items():
        _say(f"{name} {digest}")
    for path in made.make(root):
        _say(path)


def _sbom(root: Path, options: argparse.Namespace) -> None:
    options.to.mkdir(parents=True, exist_ok=True)
    for name in options.packages:
        package = find_package(root, name)
        file = options.to / f"{package.distribution}-{package.version}.cdx.json"
        file.write_text(json.dumps(supply.bill(root, package, dockerfiles.BASE), indent=1) + "\n")
        _say(str(file))


def _licences(root: Path, _options: argparse.Namespace) -> None:
    page = supply.licences(root, services(root), dockerfiles.BASE)
    (root / supply.LICENCES).write_text(page)
    _say(str(supply.LICENCES))


def _pins(root: Path, options: argparse.Namespace) -> None:
    for line in release.write_pins(root, options.file or root / "compose" / "versions.env"):
        _say(line)


def _make(root: Path, options: argparse.Namespace) -> None:
    if options.check:
        if differing := made.differing(root):
            raise CiError(f"say `sisock-ci make`: {', '.join(differing)} is not what the table makes")
        return
    for path in made.make(root):
        _say(path)


def _new(root: Path, options: argparse.Namespace) -> None:
    for path in new.new(root, options.name, options.title):
        _say(path)


def _lines(root: Path, options: argparse.Namespace) -> None:
    for name in options.packages:
        package = find_package(root, name)
        every, code = lines.count(root, package)
        _say(f"{package.name:<16} {every:>6} lines, {code:>6} of code")


def _covered(root: Path, options: argparse.Namespace) -> None:
    counts = covered.read(options.report)
    for package in packages(root):
        statements, branches = covered.of(package, counts)
        _say(f"{package.name:<16} {statements:>5.0f} % of statements, {branches:>3.0f} % of branches")


def _lint(root: Path, options: argparse.Namespace) -> None:
    for name in options.packages:
        package = find_package(root, name)
        lint.lint(root, package)
        _say(f"{package.name}: nothing amiss")


def _alone(root: Path, options: argparse.Namespace) -> None:
    tested = services(root) if options.all else [find_package(root, name) for name in options.packages]
    if not tested:
        raise CiError("name packages, or give --all")
    failed = []
    with tempfile.TemporaryDirectory(prefix="sisock-alone-") as made:
        work = Path(made)
        alone.fill(root, work / "index", tested)
        pinned: dict[str, list[str]] = {package.name: [] for package in tested}
        if options.lowest:
            for package in tested:
                lowest = bounds.lowest_core(root, package)
                alone.fill_older(root, work / "index", package, lowest)
                pinned[package.name] = [f"{bounds.CORE}=={lowest}"]
        with index.served(work / "index", work) as url:
            for package in tested:
                place = work / package.name
                place.mkdir()
                told = [f"with {pin}" for pin in pinned[package.name]]
                try:
                    copy = alone.environment(
                        package, url, place, options.python, *pinned[package.name], root=root
                    )
                    alone.try_tests(copy, place, options.pytest)
                    _say(" ".join([f"{package.name}: its tests pass where it is alone", *told]))
                except CiError as error:
                    _say(f"{package.name}: {error}")
                    failed.append(package.name)
    if failed:
        raise CiError(f"not green alone: {', '.join(failed)}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="sisock-ci", description=__doc__)
    steps = parser.add_subparsers(required=True, metavar="STEP")

    def add(
        name: str, step: Callable[[Path, argparse.Namespace], None], told: str
    ) -> argparse.ArgumentParser:
        added = steps.add_parser(name, help=told, description=told)
        added.set_defaults(step=step)
        return added

    add("list", _list, "services, their versions and images").add_argument("--json", action="store_true")
    changed = add("changed", _changed, "packages, and folders with tests of many, that a change touches")
    changed.add_argument("--since", required=True, metavar="REF")
    changed.add_argument("--json", action="store_true")
    for name, step, told in (
        ("build", _build, "build images"),
        ("test", _test, "try images beside a real router"),
        ("push", _push, "push images by their version"),
    ):
        added = add(name, step, told)
        added.add_argument("services", nargs="*")
        added.add_argument("--all", action="store_true")
        if name == "build":
            added.add_argument("--pull", action="store_true", help="ask the registry for newer base images")
        if name == "push":
            added.add_argument("--release", action="store_true", help="also as latest")
    released = add("release", _release, "release a package: to the package index, and a service's image")
    released.add_argument("package", help="such as http, or libs/sisock-core")
    released.add_argument("--tag", help="the tag that is released, to be checked")
    released.add_argument(
        "--keep", type=Path, metavar="FOLDER", help="put what is uploaded there, too, and image and digest"
    )
    add("bases", _bases, "ask for the digests of base images, and write Dockerfiles with them")
    bills = add("sbom", _sbom, "bills of materials (CycloneDX) of packages and their images")
    bills.add_argument("packages", nargs="+")
    bills.add_argument("--to", type=Path, default=Path("build/sbom"), metavar="FOLDER")
    add("licences", _licences, "write the page of licences")
    making = add("make", _make, "write all that is made from the table of services")
    making.add_argument("--check", action="store_true", help="write nothing; fail if something would change")
    fresh = add("new", _new, "make a data server from a template")
    fresh.add_argument("name", help="such as roof-wind; it becomes services/roof-wind")
    fresh.add_argument("--title", default="", help="what it serves, such as 'the wind on the roof'")
    linted = add("lint", _lint, "lint packages, and nothing of another one")
    linted.add_argument("packages", nargs="+")
    counted = add("lines", _lines, "how large the sources of packages are")
    counted.add_argument("packages", nargs="+")
    ran = add("covered", _covered, "what share of each package's code the tests ran through")
    ran.add_argument("report", type=Path, help="what `coverage json` wrote")
    lone = add("alone", _alone, "test packages where they are alone, with all they need from an index")
    lone.add_argument("packages", nargs="*")
    lone.add_argument("--all", action="store_true", help="all services")
    lone.add_argument("--python", default="3.11")
    lone.add_argument(
        "--lowest", action="store_true", help="with the lowest sisock-core that they allow, not the newest"
    )
    lone.add_argument("--pytest", nargs=argparse.REMAINDER, default=[], help="arguments of pytest, last")
    pins = add("pins", _pins, "write the versions into compose's env file")
    pins.add_argument("--file", type=Path)
    return parser


if __name__ == "__main__":
    sys.exit(main())
