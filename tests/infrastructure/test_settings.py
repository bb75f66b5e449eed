from pathlib import Path

import pytest

from infrastructure.settings import UnusableSetting, load, masked

KEY = "k" * 32


def test_without_variables_everything_has_a_default():
    settings = load({})
    assert (settings.host, settings.port, settings.token_issuer) == ("127.0.0.1", 8000, "daybook")
    assert settings.database_url is None


def test_an_empty_variable_counts_as_unset():
    assert load({"DAYBOOK_STRIPE_KEY": "", "DAYBOOK_PORT": " "}) == load({})


def test_a_child_process_reads_the_same_settings():
    settings = load(
        {
            "DAYBOOK_DATABASE_URL": "postgresql://ada:secret@db/daybook",
            "DAYBOOK_TOKEN_SECRET": KEY,
            "DAYBOOK_DATA": "/srv/daybook",
            "DAYBOOK_DATABASE_DEADLINE": "0.5",
        }
    )
    assert load(settings.environment()) == settings
    assert settings.data == Path("/srv/daybook")


@pytest.mark.parametrize(
    ("variable", "value", "right"),
    [
        ("DAYBOOK_PORT", "eighty", "a port from 1 to 65535"),
        ("DAYBOOK_PORT", "65536", "a port from 1 to 65535"),
        ("DAYBOOK_PORT", "0", "a port from 1 to 65535"),
        ("DAYBOOK_DATABASE_URL", "mysql://db", "postgresql://"),
        ("DAYBOOK_REDIS_URL", "http://cache", "redis://"),
        ("DAYBOOK_MONGO_URL", "localhost:27017", "mongodb://"),
        ("DAYBOOK_TOKEN_SECRET", "k" * 31, "at least 32 characters"),
        ("DAYBOOK_STRIPE_KEY", "pk_test_1", "a Stripe key"),
        ("DAYBOOK_DATABASE_DEADLINE", "0", "a number of seconds above 0"),
        ("DAYBOOK_DATABASE_DEADLINE", "nan", "a number of seconds above 0"),
        ("DAYBOOK_WRITE_POOL", "0", "from 1 to 1000"),
    ],
)
def test_a_wrong_value_is_one_sentence_with_the_variable_and_what_would_be_right(variable, value, right):
    with pytest.raises(UnusableSetting) as refused:
        load({variable: value})
    sentence = str(refused.value)
    assert sentence.startswith(variable)
    assert right in sentence
    assert "\n" not in sentence


def test_a_key_that_is_refused_is_not_repeated():
    with pytest.raises(UnusableSetting) as refused:
        load({"DAYBOOK_TOKEN_SECRET": "hunter2"})
    assert "hunter2" not in str(refused.value)


def test_a_misspelt_variable_is_refused_and_a_foreign_one_is_not():
    with pytest.raises(UnusableSetting, match="DAYBOOK_DATABASE_URL was meant"):
        load({"DAYBOOK_DATABSE_URL": "postgresql://db"})
    assert load({"DAYBOOK_COLOUR": "blue"}) == load({})


def test_secrets_are_never_shown():
    settings = load(
        {
            "DAYBOOK_DATABASE_URL": "postgresql://ada:hunter2@db/daybook",
            "DAYBOOK_STRIPE_KEY": "sk_test_hunter2",
            "DAYBOOK_TOKEN_SECRET": KEY,
        }
    )
    for shown in (repr(settings), str(settings), str(settings.__rich_repr__())):
        assert "hunter2" not in shown
        assert KEY not in shown


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://ada:p@ss/w:rd@db:5432/x", "postgresql://ada:***@db:5432/x"),
        ("redis://:secret@cache/0", "redis://:***@cache/0"),
        ("postgresql://db/x?user=ada&password=secret&a=b", "postgresql://db/x?user=ada&password=***&a=b"),
        ("postgresql://db/x", "postgresql://db/x"),
    ],
)
def test_passwords_in_urls_are_masked_even_where_they_are_badly_written(url, shown):
    assert masked(url) == shown
