import pytest

from jobs.handlers.drawer.questions import answer_named, from_check, from_condition, is_plain_check


@pytest.mark.parametrize(
    ("check", "before", "question"),
    [
        ("check", "Enter password", "Password correct?"),
        ("check it", "Fill in the form", "Form valid?"),
        ("verify the password", "Type password", "Password correct?"),
        ("check", "Enter email, password and phone number", "Correct?"),
        ("check", "Go home", "OK?"),
        ("check stock", "Receive order", "Stock OK?"),
        ("check if the item is in stock", "", "Item in stock?"),
        ("is it valid", "", "Is it valid?"),
        ("ready?", "", "Ready?"),
        ("manager approval", "", "Manager approved?"),
    ],
)
def test_a_check_becomes_the_question_that_a_person_would_write(check, before, question):
    assert from_check(check, before) == question


@pytest.mark.parametrize(
    ("condition", "question"),
    [
        ("the password is right", "Password right?"),
        ("it is wrong", "Wrong?"),
        ("rain", "Rain?"),
        ("the user exists", "User exists?"),
    ],
)
def test_a_condition_becomes_a_question(condition, question):
    assert from_condition(condition) == question


def test_a_condition_may_just_name_an_answer():
    assert answer_named("it is wrong") is False
    assert answer_named("not approved") is False
    assert answer_named("valid") is True
    assert answer_named("the moon is full") is None


def test_a_check_that_names_its_object_may_stand_as_a_step():
    assert is_plain_check("check stock")
    assert not is_plain_check("check it")
    assert not is_plain_check("check if it rains")
