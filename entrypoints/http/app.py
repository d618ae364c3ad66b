"""The HTTP application: the container's use cases behind the routes. A boot module: it sees the container."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial

from starlette.applications import Starlette
from starlette.types import ASGIApp

from container import CONTRACT, DEV_PASSWORD, DEV_USER, Container, Settings, is_for_development, load
from core.protocol.refusals import Unavailable, UsernameTaken
from core.users.password import Password
from entrypoints.http.background import Chore, in_background
from entrypoints.http.clients import AdminClients
from entrypoints.http.cors import Cors
from entrypoints.http.envelope import Envelope
from entrypoints.http.limits import BodyLimits
from entrypoints.http.proxies import behind_proxies
from entrypoints.http.refusals import reason, refusal_handlers
from entrypoints.http.registration import Registrations
from entrypoints.http.routes import Shortcut, UseCases, build_routes, open_to_browsers
from entrypoints.http.server import settle
from entrypoints.http.users import AdminAccounts, OwnAccount
from entrypoints.logs import set_up
from entrypoints.pages.routes import PAGE_ENDPOINTS, Look, PageUseCases, page_routes

log = logging.getLogger("watchword")


def build(container: Container) -> ASGIApp:
    """The whole application around a container. Its lifespan opens and closes the store."""

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        _end_with_parent()
        await container.store().open()
        try:
            await prepare(container)
            async with in_background(chores(container)):
                yield
        finally:
            await container.store().close()
            container.hasher().close()

    routes = [
        *build_routes(use_cases(container), contract=CONTRACT.read_bytes(), endpoints=PAGE_ENDPOINTS),
        *page_routes(page_use_cases(container), look(container.settings())),
    ]
    app = Starlette(routes=routes, exception_handlers=refusal_handlers, lifespan=lifespan)
    app.router.redirect_slashes = False  # a redirect would repeat whatever Host the caller claims
    settings = container.settings()
    shared = Cors(BodyLimits(Shortcut(app, routes)), paths=open_to_browsers(settings.issuer))
    envelope: ASGIApp = Envelope(shared, https=settings.issuer.startswith("https:"))
    return behind_proxies(envelope, settings.trusted_proxies)


def chores(container: Container) -> list[Chore]:
    """What is to be done again and again, in every worker; of several at once, one finds something to do."""
    prune = Chore("prune", container.prune(), every=300)
    if not container.settings().publishes_keys:
        return [prune]
    return [Chore("maintain keys", container.maintain_keys(), every=60), prune]


def use_cases(container: Container) -> UseCases:
    return UseCases(
        token_endpoint=container.token_endpoint(),
        authenticate_client=container.authenticate_client(),
        revoke_token=container.revoke_token(),
        introspection_endpoint=container.introspection_endpoint(),
        account_user=container.account_user(),
        push_request=container.push_request(),
        tell_user_info=container.tell_user_info(),
        registrations=Registrations(
            container.register_client(),
            container.read_registration(),
            container.replace_registration(),
            container.delete_registration(),
            container.settings().issuer,
        ),
        own_account=OwnAccount(container.change_email(), container.change_profile(), container.change_password()),
        admin_accounts=AdminAccounts(
            create_user=container.create_user(),
            find_user=container.find_user(),
            list_users=container.list_users(),
            update_user=container.update_user(),
            delete_user=container.delete_user(),
        ),
        admin_clients=AdminClients(
            create_client=container.create_client(),
            find_client=container.find_client(),
            list_clients=container.list_clients(),
            update_client=container.update_client(),
            rotate_secret=container.rotate_secret(),
            delete_client=container.delete_client(),
        ),
        publish_keys=container.publish_keys(),
        describe_server=container.describe_server(),
        cache_seconds=container.settings().jwks_cache_seconds,
        ready=partial(ready, container),
    )


def page_use_cases(container: Container) -> PageUseCases:
    return PageUseCases(
        authorize=container.authorize(),
        sign_in=container.sign_in(),
        sign_in_again=container.sign_in_again(),
        current_session=container.current_session(),
        list_sessions=container.list_sessions(),
        end_sessions=container.end_sessions(),
        list_connections=container.list_connections(),
        end_connection=container.end_connection(),
        change_profile=container.change_profile(),
        change_email=container.change_email(),
        change_password=container.change_password(),
        log_out=container.log_out(),
        form_tokens=container.form_tokens(),
        entropy=container.entropy(),
    )


def look(settings: Settings) -> Look:
    return Look(settings.issuer, settings.service_name, settings.colour, settings.logo)


async def ready(container: Container) -> None:
    """Whatever a request may need is there. Raises `Unavailable`."""
    await container.store().ready()
    await container.tokens().prepare()


async def prepare(container: Container) -> None:
    """What the first request would otherwise wait for. Without a database the server starts, and waits for it."""
    try:
        await ready(container)
        if container.settings().storage == "memory" and is_for_development(container.settings()):
            await _add_development_user(container)
    except Unavailable as refusal:
        log.warning("not ready yet", extra={"reason": reason(refusal)})


async def _add_development_user(container: Container) -> None:
    """What a migration does elsewhere. A store in memory has no other way to its first user."""
    with suppress(UsernameTaken):
        await container.create_user()(
            username=DEV_USER, email=f"{DEV_USER}@example.com", password=Password.typed(DEV_PASSWORD)
        )


def create() -> ASGIApp:
    """The application of one worker among several, with the settings that the parent left in the environment."""
    container = Container(settings=load())
    set_up(container.settings().log_level)
    app = build(container)
    settle()
    return app


def _end_with_parent() -> None:
    """A worker whose parent was killed would keep the port, and lose the embedded database that the parent owns."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        loop = asyncio.get_running_loop()

        def end() -> None:
            loop.remove_reader(parent.sentinel)  # which stays readable
            os.kill(os.getpid(), signal.SIGTERM)

        loop.add_reader(parent.sentinel, end)
