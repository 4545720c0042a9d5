"""Events as they happen, and after the line was lost."""

import json
import threading

from tests.api.test_assessments import image, of, problem, send
from tests.fakes import MODEL, complete, result_documents


def events(text):
    """(id, event, data) of each event in a stream."""
    found = []
    for block in text.strip().split("\n\n"):
        fields = dict(
            line.split(": ", 1) for line in block.splitlines() if not line.startswith(":")
        )
        if fields:
            found.append((int(fields["id"]), fields["event"], json.loads(fields["data"])))
    return found


def test_the_steps_of_a_finished_assessment_are_told_then_the_end(client, store, queue):
    send(client, image())
    complete(store, queue.jobs[0])
    answer = client.get(f"{of()}/events")
    assert answer.headers["content-type"].startswith("text/event-stream")
    told = events(answer.text)
    assert [(name, data["status"], data.get("step")) for _, name, data in told] == [
        ("step", "received", None),
        ("step", "queued", None),
        ("step", "running", "read"),
        ("step", "running", "segment"),
        ("step", "complete", None),
        ("end", "complete", None),
    ]


def test_a_reader_that_lost_the_line_misses_nothing_and_hears_nothing_twice(client, store, queue):
    send(client, image())
    complete(store, queue.jobs[0])
    whole = events(client.get(f"{of()}/events").text)
    heard = whole[2][0]
    rest = events(client.get(f"{of()}/events", headers={"Last-Event-ID": str(heard)}).text)
    assert rest == whole[3:]


def test_a_reader_that_comes_after_the_end_is_told_the_end_again(client, store, queue):
    send(client, image())
    complete(store, queue.jobs[0])
    last = events(client.get(f"{of()}/events").text)[-1]
    answer = client.get(f"{of()}/events", headers={"Last-Event-ID": str(last[0])})
    assert events(answer.text) == [last]


def test_steps_are_told_while_they_happen(client, store, queue):
    send(client, image())

    def work():
        run = store.runs.begin(queue.jobs[0], attempts=3, model=MODEL)
        run.progress("measure", 0.0)
        run.keep(result_documents(run.record), checks=(), summary={})

    worker = threading.Timer(0.6, work)  # after the stream has told all there is
    worker.start()
    told = events(client.get(f"{of()}/events").text)
    worker.join()
    assert [data.get("step") for _, _, data in told][2:4] == ["read", "measure"]
    assert told[-1][1:] == ("end", {"version": 1, "status": "complete"})


def test_a_stream_ends_when_its_assessment_is_removed(client, store):
    send(client, image())
    remove = threading.Timer(0.6, lambda: client.delete(of()))
    remove.start()
    told = events(client.get(f"{of()}/events").text)
    remove.join()
    assert told[-1][1:] == ("end", {"status": "removed"})


def test_a_resume_mark_that_is_none_is_invalid(client):
    send(client, image())
    answer = client.get(f"{of()}/events", headers={"Last-Event-ID": "yesterday"})
    problem(answer, 422, "invalid-request")
