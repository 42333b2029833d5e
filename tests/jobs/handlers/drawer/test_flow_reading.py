from hypothesis import given, settings

from jobs.handlers.drawer.flow_reading import read_flow
from jobs.handlers.drawer.phrases import cleaned
from jobs.handlers.drawer.plans import Branch, Flow, Node, Role
from tests.jobs.handlers.geometry import instructions


def read(text: str, *, named: bool = True) -> Flow:
    flow = read_flow("Title", cleaned(text), named=named)
    assert flow is not None
    return flow


def texts(flow: Flow) -> list[str]:
    return [node.text for node in flow.nodes]


def branch(flow: Flow, text: str) -> Branch:
    return next(node.branch for node in flow.nodes if node.text == text and node.branch)


def test_a_login_is_drawn_as_a_person_would():
    flow = read_flow("Login", "enter password, check, locked after 3 tries", named=True, success="Logged in")
    assert flow is not None
    assert texts(flow) == ["Start", "Enter password", "Password correct?", "Logged in"]
    tries, locked = branch(flow, "Password correct?").side
    assert (tries.text, tries.role) == ("3 tries?", Role.QUESTION)
    assert (locked.text, locked.role) == ("Locked", Role.BAD)
    assert branch(flow, "Password correct?").retry_to == 1


def test_a_plain_list_gets_a_start_and_an_end_only_if_a_flowchart_was_named():
    assert texts(read("a, b, c", named=False)) == ["A", "B", "C"]
    assert texts(read("a, b, c", named=True)) == ["Start", "A", "B", "C", "Done"]


def test_a_start_and_an_end_that_were_told_are_not_doubled():
    assert texts(read("start, work, finished")) == ["Start", "Work", "Finished"]


def test_if_and_otherwise_part_and_meet_again():
    flow = read("if it rains, take an umbrella, otherwise wear a hat, go out")
    assert texts(flow) == ["Start", "It rains?", "Take an umbrella", "Go out", "Done"]
    assert branch(flow, "It rains?") == Branch(side=(Node("Wear a hat"),), to=3)


def test_an_if_without_otherwise_is_passed_by():
    flow = read("order; if it is a gift, wrap it; ship")
    assert branch(flow, "A gift?") == Branch(to=texts(flow).index("Ship"))


def test_a_yes_that_leads_away_leaves_the_main_way_to_no():
    told = branch(read("order; if payment fails, cancel the order; ship"), "Payment fails?")
    assert (told.label, told.straight_label, told.side[0].role) == ("yes", "no", Role.BAD)


def test_a_condition_after_a_check_answers_it():
    flow = read("enter pin, check it, if it is wrong go back, otherwise show the page")
    assert texts(flow) == ["Start", "Enter pin", "Pin correct?", "Show the page", "Done"]
    assert branch(flow, "Pin correct?").to == 1


def test_a_check_that_a_condition_makes_precise_is_a_step():
    flow = read("check stock; if sold out, order more; ship")
    assert texts(flow)[:3] == ["Start", "Check stock", "Sold out?"]


def test_yes_and_no_are_told_apart():
    flow = read("valid? yes: save it, no: show an error")
    assert texts(flow) == ["Start", "Valid?", "Save it", "Done"]
    assert branch(flow, "Valid?").side[0].text == "Show an error"


def test_an_error_message_leads_back_to_the_step_before():
    flow = read("enter a name; is it valid?; no: show an error; save it")
    assert branch(flow, "Is it valid?").to == 1


def test_a_way_back_finds_the_step_that_it_names():
    flow = read("read; write; good?; no: go back to read; send")
    assert branch(flow, "Good?").to == texts(flow).index("Read")


def test_a_question_never_leads_back_to_itself():
    assert branch(read("enter pin; is it right?; no: go back to right; end"), "Is it right?").to == 1


def test_an_answer_may_stand_in_a_line_of_its_own():
    flow = read("valid?\nyes:\nsave it\nno:\nthrow it away\nsend")
    assert texts(flow) == ["Start", "Valid?", "Save it", "Send", "Done"]
    assert branch(flow, "Valid?").side == (Node("Throw it away"),)


def test_words_without_content_give_no_node():
    assert texts(read("valid? yes: next -; save it")) == ["Start", "Valid?", "Save it", "Done"]


def test_a_single_step_cannot_lead_back_to_itself():
    assert read("work, repeat").again is None


def test_back_to_the_beginning_is_the_start():
    assert branch(read("read; good?; no: start over; send"), "Good?").to == 0


def test_a_question_without_second_answer_leads_back_or_stops():
    assert branch(read("write; good?; send"), "Good?").to == 1
    assert branch(read("good?; send"), "Good?").side[0].role is Role.BAD


def test_else_if_asks_the_next_question():
    flow = read("if rain, take umbrella, else if snow, take sled, otherwise walk")
    assert texts(flow) == ["Start", "Rain?", "Snow?", "Take sled", "Done"]
    assert branch(flow, "Rain?").straight_label == "no"


def test_repeat_at_the_end_leads_back_and_elsewhere_is_a_step():
    flow = read("wake up, work, sleep, repeat")
    assert flow.again == texts(flow).index("Wake up")
    assert read("a, b, repeat, c").again is None


def test_nothing_to_read_is_no_flow():
    assert read_flow("Title", " ,;. ", named=True) is None


@settings(derandomize=True, deadline=None, max_examples=150)
@given(instructions)
def test_every_branch_of_any_flow_leads_somewhere(text):
    flow = read_flow("Title", cleaned(text), named=False)
    for at, node in enumerate(flow.nodes if flow else ()):
        assert node.text
        assert (node.role is Role.QUESTION) == (node.branch is not None)
        for to in (node.branch.to, node.branch.retry_to) if node.branch else ():
            assert to is None or 0 <= to < len(flow.nodes)
            assert to != at
