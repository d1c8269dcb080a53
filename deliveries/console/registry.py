"""The site with its lists, for the project's routes."""

from deliveries.console.lists.attempts import Attempts
from deliveries.console.lists.dead_letters import DeadLetters
from deliveries.console.lists.deliveries import Deliveries
from deliveries.console.lists.malformed_commands import MalformedCommands
from deliveries.console.site import ConsoleSite
from deliveries.models import Attempt, DeadLetter, Delivery, MalformedCommand

site = ConsoleSite()
site.register(Delivery, Deliveries)
site.register(Attempt, Attempts)
site.register(DeadLetter, DeadLetters)
site.register(MalformedCommand, MalformedCommands)
