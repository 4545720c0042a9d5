from opacimeter.language import Words


def test_a_check_speaks_by_the_facts_in_its_detail():
    words = Words("zh-CN")
    by_tag = words.check("contrast-medium", "told", {})
    by_heart = words.check("contrast-medium", "told", {"heart_hu": 150})
    assert by_tag not in {"told", by_heart}
    assert "150" in by_heart


def test_a_check_that_no_text_knows_keeps_its_own_message():
    assert Words("zh-CN").check("unheard-of", "As it was told.", {}) == "As it was told."


def test_english_checks_keep_their_own_words():
    assert Words("en").check("contrast-medium", "As it was told.", {}) == "As it was told."
