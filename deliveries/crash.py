"""The places where a crash matters, by name. Pure.

`here` does nothing. The tests start processes in which it is replaced by something that kills or
freezes the process at one of the points: each has a test that says what a crash there leaves, and
what follows. docs/guarantees.md tells the same. Call it as `crash.here(Point.X)`, so that the
replacement is found, and never once for each row of a batch.
"""

from enum import StrEnum, unique


@unique
class Point(StrEnum):
    """Named after the stage, and what has just been done there or is about to be done."""

    CONSUMER_LED = "consumer_led"  # leads, has not taken the cursor over
    CONSUMER_READ = "consumer_read"  # has entries in memory, nothing is written
    CONSUMER_STORED = "consumer_stored"  # everything of the batch is written, not committed
    CONSUMER_COMMITTED = "consumer_committed"  # committed, the offset not published
    CONSUMER_PUBLISHED = "consumer_published"  # the offset is published, nobody was told
    CONSUMER_RESET = "consumer_reset"  # the offset is put back onto a new stream, not the cursor
    SCHEDULER_EXPIRED = "scheduler_expired"
    SCHEDULER_HANDED_OUT = "scheduler_handed_out"
    SCHEDULER_RECOVERING = "scheduler_recovering"  # recovery is written, not committed
    SCHEDULER_RECOVERED = "scheduler_recovered"
    ATTEMPT_CLAIMED = "attempt_claimed"  # in progress in the database, in no thread's hands
    ATTEMPT_BEGUN = "attempt_begun"  # a thread has it, nothing was said to the relay
    ATTEMPT_FINISHING = "attempt_finishing"  # everything is sent except what holds the final dot
    ATTEMPT_FINISHED = "attempt_finished"  # the final dot is with the kernel, no reply was read
    ATTEMPT_ANSWERED = "attempt_answered"  # the relay has decided, nobody wrote it down
    OUTCOMES_WRITTEN = "outcomes_written"  # outcomes are written, not committed
    OUTCOMES_COMMITTED = "outcomes_committed"
    LOGIN_CODE_ACCEPTED = "login_code_accepted"  # committed, its caller has no answer
    PAGE_REMOVING = "page_removing"  # retention has removed a page, not committed
    PAGE_REMOVED = "page_removed"
    PROCESS_REGISTERED = "process_registered"  # has its lease, nothing runs
    PROCESS_RETIRED = "process_retired"  # stopping: no more work is wanted, all is still in hand
    PROCESS_LEAVING = "process_leaving"  # everything has stopped, the lease is not ended


def here(point: Point) -> None:
    """Nothing, in every process except those of the tests."""
