"""watchword resources …: the APIs that tokens are for."""

from __future__ import annotations

import click
from attrs import frozen

from core.clients.model import Resource
from core.clients.register import CreateResource, DeleteResource, ListResources, UpdateResource
from entrypoints.cli.output import json_option, print_json, print_table
from entrypoints.cli.runner import Run
from entrypoints.views import resource_view


@frozen
class Resources:
    """The use cases that these commands call."""

    create: CreateResource
    list: ListResources
    update: UpdateResource
    delete: DeleteResource


def resources_commands(do: Run[Resources]) -> click.Group:
    @click.group("resources", help="Register the APIs that tokens are for. A URL counts byte for byte.")
    def resources() -> None:
        pass

    @resources.command(help="Register an API. Its URL is the `aud` of its tokens.")
    @click.argument("url")
    @click.option("--scope", "scopes", multiple=True, metavar='"A B"', help="Its scopes; may be repeated.")
    @json_option
    def create(url: str, scopes: tuple[str, ...], as_json: bool) -> None:
        resource = do(lambda on: on.create(url, _words(scopes)))
        _print_resource(resource, as_json, f"Created {url}.")

    @resources.command("list", help="List all APIs.")
    @json_option
    def list_(as_json: bool) -> None:
        found = do(lambda on: on.list())
        if as_json:
            print_json({"resources": [resource_view(resource) for resource in found]})
        else:
            print_table(("URL", "SCOPES"), ((one.identifier, " ".join(one.scopes)) for one in found))

    @resources.command(help="Give an API exactly these scopes; an empty text takes all away.")
    @click.argument("url")
    @click.option("--scope", "scopes", multiple=True, metavar='"A B"', required=True, help="May be repeated.")
    @json_option
    def update(url: str, scopes: tuple[str, ...], as_json: bool) -> None:
        resource = do(lambda on: on.update(url, _words(scopes)))
        _print_resource(resource, as_json, f"{url} has the scopes: {' '.join(resource.scopes) or 'none'}.")

    @resources.command(help="Delete an API. No new token is issued for it; those that are there run out.")
    @click.argument("url")
    @json_option
    def delete(url: str, as_json: bool) -> None:
        do(lambda on: on.delete(url))
        if as_json:
            print_json({"identifier": url})
        else:
            click.echo(f"Deleted {url}.")

    return resources


def _words(texts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(word for text in texts for word in text.split())


def _print_resource(resource: Resource, as_json: bool, sentence: str) -> None:
    if as_json:
        print_json(resource_view(resource))
    else:
        click.echo(sentence)
