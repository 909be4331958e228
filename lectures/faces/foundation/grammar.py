"""A small grammar that writes English about kings and heifers: text in which the meaning of every noun is known.

A noun is a house, a sex and an age: "queen" is (royal, female, grown). Each of the three has words of its own, which
stand beside every noun that shares it: a palace beside all royals, "she" beside all females, "little" beside all that
is young. A sentence is the path below with some words left out, and one word in eight is taken from a wrong list:

    sentence  ->  the [adjective of the age] NOUN [verb of the house] [his | her] [thing of the house]
                  [while | because | and] [he | she] [verb of the house]
"""

from dataclasses import dataclass

import numpy as np

SEXES, AGES = ("male", "female"), ("grown", "young")
NOUNS = {  # house: grown male, grown female, young male, young female
    "common": ("man", "woman", "boy", "girl"),
    "royal": ("king", "queen", "prince", "princess"),
    "noble": ("lord", "lady", "heir", "heiress"),
    "parents": ("father", "mother", "son", "daughter"),
    "grandparents": ("grandfather", "grandmother", "grandson", "granddaughter"),
    "aunts and uncles": ("uncle", "aunt", "nephew", "niece"),
    "horses": ("stallion", "mare", "colt", "filly"),
    "cattle": ("bull", "cow", "bullock", "heifer"),
}
VERBS = {
    "common": ("works", "walks", "pays"),
    "royal": ("rules", "reigns", "commands"),
    "noble": ("hunts", "inherits", "rides"),
    "parents": ("cooks", "cares", "sings"),
    "grandparents": ("remembers", "tells", "rests"),
    "aunts and uncles": ("visits", "writes", "jokes"),
    "horses": ("gallops", "neighs", "jumps"),
    "cattle": ("grazes", "moos", "chews"),
}
THINGS = {
    "common": ("street", "shop", "bread", "coat"),
    "royal": ("throne", "palace", "crown", "realm"),
    "noble": ("estate", "manor", "title", "carriage"),
    "parents": ("home", "kitchen", "supper", "cradle"),
    "grandparents": ("story", "album", "armchair", "clock"),
    "aunts and uncles": ("letter", "gift", "birthday", "journey"),
    "horses": ("saddle", "stable", "race", "bridle"),
    "cattle": ("meadow", "barn", "herd", "hay"),
}
ADJECTIVES = {"grown": ("old", "grown", "tall", "wise"), "young": ("young", "little", "small", "playful")}
PRONOUNS = {"male": ("he", "his"), "female": ("she", "her")}
LINKS = ("while", "because", "and")
MISTAKES = 1 / 8  # of the words that go with a noun, how many come from another house, sex or age


@dataclass(frozen=True)
class Noun:
    """A word and what it means."""

    word: str
    house: str
    sex: str
    age: str


ALL_NOUNS = tuple(
    Noun(word, house, sex, age)
    for house, words in NOUNS.items()
    for word, (age, sex) in zip(words, [(age, sex) for age in AGES for sex in SEXES])
)


def text(sentences, seed=0, mistakes=MISTAKES):
    """So many sentences, each a list of words; the same for the same seed, and the first ones of a longer text."""
    return [sentence(np.random.default_rng((seed, i)), mistakes) for i in range(sentences)]


def sentence(rng, mistakes=MISTAKES):
    """One sentence: a list of words."""

    def one_of(table, right):
        """A word of the list `right`, or by mistake of another one."""
        lists = list(table)
        return table[right if rng.random() >= mistakes else lists[rng.integers(len(lists))]]

    def pick(words):
        return words[rng.integers(len(words))]

    noun = ALL_NOUNS[rng.integers(len(ALL_NOUNS))]
    words = ["the"]
    if rng.random() < 0.6:
        words.append(pick(one_of(ADJECTIVES, noun.age)))
    words += [noun.word, pick(one_of(VERBS, noun.house))]
    if rng.random() < 0.7:
        words += [one_of(PRONOUNS, noun.sex)[1], pick(one_of(THINGS, noun.house))]
    if rng.random() < 0.5:
        words += [pick(LINKS), one_of(PRONOUNS, noun.sex)[0], pick(one_of(VERBS, noun.house))]
    return words


def shuffled(sentences, seed=0):
    """The same words, and as many in each sentence, but who stands beside whom is left to chance."""
    words = np.array([word for s in sentences for word in s])
    np.random.default_rng(seed).shuffle(words)
    ends = np.cumsum([len(s) for s in sentences])
    return [part.tolist() for part in np.split(words, ends[:-1])]


def questions():
    """Every (a, b, c, d) of nouns with "a is to b as c is to d", where a, b differ in sex alone, or in age alone.

    ("man", "woman", "king", "queen"): woman - man + king. 960 of them.
    """
    by_meaning = {(n.house, n.sex, n.age): n.word for n in ALL_NOUNS}
    pairs = []  # of one relation each: (from, to) in all houses
    for male, female in (SEXES, SEXES[::-1]):
        pairs.append([(by_meaning[h, male, age], by_meaning[h, female, age]) for h in NOUNS for age in AGES])
    for young, grown in (AGES, AGES[::-1]):
        pairs.append([(by_meaning[h, sex, young], by_meaning[h, sex, grown]) for h in NOUNS for sex in SEXES])
    return [(*p, *q) for relation in pairs for p in relation for q in relation if p != q]
