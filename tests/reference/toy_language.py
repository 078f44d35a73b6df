"""A small invented English with strong habits: dogs bite men far more often than men bite dogs.

A sentence is a list of (word, role). Roles mark what a question can ask for: subject, verb, object, place; else "".
All randomness comes from the random.Random that is passed in.
"""

# subject: verb*weight:object*weight,... ; a verb without objects stands alone. A weight of 1 is left out.
ANIMALS = {
    "dog": "bites*6:man*12,child*2,woman*3,cat*3,bone*4 chases*5:cat*8,ball*3,fox,man barks*3 eats*2:meat*4,bone*3 sleeps drinks:water",
    "cat": "chases*5:mouse*8,bird*4 drinks*4:milk*8,water sleeps*4 eats*2:fish*5,mouse*2 bites:mouse*4,child sees:bird*2,dog",
    "bird": "sings*8 flies*4 eats*2:seeds*5,apple sees:cat",
    "mouse": "eats*6:cheese*8,bread*3,seeds sees*2:cat*5 sleeps",
    "horse": "eats*4:grass*6,apple*3 runs*4 carries*4:farmer*3,king*3,girl*2 drinks:water",
    "cow": "eats*6:grass*9 sleeps*2 gives*4:milk drinks*2:water",
    "fish": "swims*9 eats:bread",
    "fox": "chases*6:bird*4,sheep*4 eats*2:bird*2,meat runs*2 sees:dog,farmer",
    "sheep": "eats*6:grass*9 sleeps*3 sees:fox*3,dog",
}
PEOPLE = {
    "man": "reads*4:book*4,letter*2 eats*3:bread*4,soup*4,meat drinks*3:tea*3,wine*4,water sees*2:woman*3,bird,ship bites:dog,apple*9 sleeps works*3 opens*2:door*5,window*2",
    "woman": "reads*4:book*6,letter*3 writes*3:letter*6,book drinks*3:tea*6,water opens*2:door*3,window*4 sings*2 feeds*2:cat*5,bird*3 works*2",
    "boy": "rides*4:bicycle*8,horse kicks*5:ball*9 eats*3:apple*5,cake*5 runs*3 chases*2:dog*3,bird,ball*3 reads:book",
    "girl": "reads*4:book*9 rides*3:horse*6,bicycle*3 sings*3 eats*3:apple*5,cake*5 feeds*2:horse*5,bird*3 draws*2:horse,house*3,bird",
    "child": "eats*4:cake*6,apple*5,soup reads*3:book*9 sleeps*3 kicks*3:ball*8 drinks*2:milk*8 draws*3:house*5,dog*3,cat*3",
    "king": "rides*3:horse*9 drinks*3:wine*9 reads*2:letter*7 eats*2:meat*6,cake sees:queen*4,ship sleeps",
    "queen": "writes*4:letter*9 drinks*3:tea*6,wine*3 rides*2:horse*9 reads*2:book*4,letter*3 sings",
    "farmer": "feeds*5:cow*6,sheep*4,horse*4 rides*2:horse*8 works*4 eats*2:bread*5,cheese*4 sees:fox*5",
    "teacher": "teaches*6:child*5,boy*3,girl*3 reads*4:book*9 writes*3:book*4,letter*3 drinks:tea*5",
    "doctor": "helps*7:child*4,woman*3,man*3,king reads*2:letter*3,book*3 works*3 drinks:tea*5",
    "baker": "bakes*8:bread*9,cake*7 sells*4:bread*8,cake*5 works*2 eats:bread",
    "sailor": "sails*6:ship*7,boat*5 sees*3:ship*3,fish*4,bird*3 sings*2 drinks*2:wine*5 eats:fish*5",
}
THINGS = "bone ball meat water milk fish seeds apple cheese bread grass book letter soup tea wine ship door window bicycle cake house boat".split()
OPINION_THINGS = "bread soup cake book tea wine cheese house garden song city boat bicycle apple".split()

HE, SHE = ["man", "boy", "king", "farmer", "baker", "sailor"], ["woman", "girl", "queen"]
FIRST_HE, FIRST_SHE = ["tom", "john", "peter", "paul", "max"], ["anna", "mary", "emma", "lucy", "clara"]
TOWNS = ["london", "paris", "berlin", "rome", "oslo"]
TOWN_STARTS = ["new", "north", "old"]
NAME_ENDINGS, TOWN_ENDINGS = ["son", "man", "berg"], ["ton", "ville", "land", "ford"]

PLACES = {
    "garden": "in", "house": "in", "river": "in", "sea": "on", "forest": "in", "school": "at", "kitchen": "in",
    "market": "at", "city": "in", "village": "in", "field": "in", "street": "in", "castle": "in", "bed": "in",
}  # fmt: skip
HOMES = {
    "dog": "garden*3 street*3 house field", "cat": "house*4 kitchen*3 garden*2", "bird": "garden*4 forest*5",
    "mouse": "kitchen*5 house*3 field", "horse": "field*6 street", "cow": "field*9", "fish": "river*9",
    "fox": "forest*8 field*2", "sheep": "field*9", "boy": "street*4 garden*3 school*2", "girl": "garden*4 school*3 house",
    "child": "house*4 garden*3 school*2 bed*2", "man": "house*3 street*3 city*3 garden", "woman": "house*3 city*3 garden*3",
    "king": "castle*8 garden", "queen": "castle*8 garden*2", "farmer": "field*7 village*3", "teacher": "school*9",
    "doctor": "city*4 village*4 house", "baker": "market*5 kitchen*3 village*2", "sailor": "sea*9",
}  # fmt: skip
LOOKS = {
    "animal": "big*3 small*3 black*3 white*3 brown*3 hungry*3 old",
    "person": "old*4 young*4 tired*2 happy*3 sad*2 clever*2 hungry",
    "thing": "old*3 new*3 small*2 big*2 red*2 green",
}
FEELINGS = {"animal": "hungry*5 tired*3 happy angry*2", "person": "tired*3 happy*4 sad*3 angry*2 hungry*2"}
TIMES = {"today": 3, "in the morning": 2, "at night": 2, "every day": 2}
GOOD, BAD = ["good", "lovely", "wonderful", "beautiful"], ["bad", "awful", "terrible", "ugly"]
LIKES, HATES = {"likes": "like", "loves": "love"}, {"hates": "hate"}
GLUE = "the a an he she it they i you we his her its is are was not does do very who what where then and but here live lives to from with of there this that yes no new north".split()
PUNCTUATION = [".", ",", "?", "!", "'", '"', "-", ":", ";", "(", ")", "/", "&", "%", "$"]


def weighted(text):
    """'a*3 b' or 'a*3,b' as {'a': 3, 'b': 1}."""
    pairs = (item.partition("*") for item in text.replace(",", " ").split())
    return {word: int(weight or 1) for word, _, weight in pairs}


def parse_habits(text):
    """{verb: (weight, {object: weight})}; an empty dict of objects for a verb that stands alone."""
    habits = {}
    for item in text.split():
        verb, _, objects = item.partition(":")
        ((verb, weight),) = weighted(verb).items()
        habits[verb] = (weight, weighted(objects))
    return habits


HABITS = {subject: parse_habits(text) for subject, text in (ANIMALS | PEOPLE).items()}
HOME_OF = {subject: weighted(text) for subject, text in HOMES.items()}
LOOK_OF = {kind: weighted(text) for kind, text in LOOKS.items()}
FEELING_OF = {kind: weighted(text) for kind, text in FEELINGS.items()}


def base_form(verb):
    """bites -> bite, chases -> chase, teaches -> teach, flies -> fly."""
    irregular = {"teaches": "teach", "flies": "fly"}
    return irregular.get(verb, verb.removesuffix("s"))


def pick(rng, weights):
    return rng.choices(list(weights), weights=list(weights.values()))[0]


def kind_of(noun):
    return "animal" if noun in ANIMALS else "person" if noun in PEOPLE else "thing"


def noun_phrase(rng, noun, adjectives=0.25):
    if rng.random() < adjectives:
        return ["the", pick(rng, LOOK_OF[kind_of(noun)]), noun]
    return ["the", noun]


def spelled(rng, endings):
    """An invented name such as 'ravison': not in the vocabulary, so it becomes several pieces."""
    syllables = "".join(rng.choice("bdfghklmnprstvw") + rng.choice("aeiou") for _ in range(rng.choice([1, 2, 2])))
    return syllables + rng.choice("klmnrst") * (rng.random() < 0.3) + rng.choice(endings)


def person_name(rng, unknown, surname):
    """(words, pronoun)."""
    female = rng.random() < 0.5
    first = rng.choice(FIRST_SHE if female else FIRST_HE)
    if rng.random() < unknown / 2:
        first = spelled(rng, ["a", "i", "o", "us"])
    words = [first]
    if rng.random() < surname:
        words.append(spelled(rng, NAME_ENDINGS) if rng.random() < unknown else rng.choice(FIRST_HE) + "son")
    return words, "she" if female else "he"


def town_name(rng, unknown, two_words):
    words = [spelled(rng, TOWN_ENDINGS) if rng.random() < unknown else rng.choice(TOWNS)]
    return [rng.choice(TOWN_STARTS)] + words if rng.random() < two_words else words


class Subject:
    """Who a text is about: the words that name it, the noun whose habits it has, and its pronoun."""

    def __init__(self, words, noun, pronoun):
        self.words, self.noun, self.pronoun = words, noun, pronoun


def random_subject(rng, names=0.15, adjectives=0.25):
    if rng.random() < names:
        words, pronoun = person_name(rng, unknown=0.2, surname=0.15)
        return Subject(words, "woman" if pronoun == "she" else "man", pronoun)
    noun = rng.choice(list(HABITS))
    pronoun = "it" if noun in ANIMALS else "he" if noun in HE else "she" if noun in SHE else rng.choice(["he", "she"])
    return Subject(noun_phrase(rng, noun, adjectives), noun, pronoun)


def role(words, name=""):
    return [(word, name) for word in words]


def action(rng, subject, words=None, place=0.3, time=0.12, verb=None):
    """'the dog bites the man in the garden': the main kind of sentence."""
    habits = HABITS[subject.noun]
    verb = verb or pick(rng, {verb: weight for verb, (weight, _) in habits.items()})
    sentence = role(words or subject.words, "subject") + role([verb], "verb")
    if habits[verb][1]:
        sentence += role(noun_phrase(rng, pick(rng, habits[verb][1]), 0.15), "object")
    if rng.random() < place:
        sentence += role(where(rng, subject), "place")
    if rng.random() < time:
        sentence += role(pick(rng, TIMES).split())
    return sentence


def where(rng, subject):
    place = pick(rng, HOME_OF[subject.noun])
    return [PLACES[place], "the", place]


def location(rng, subject, words=None):
    return role(words or subject.words, "subject") + role(["is"], "verb") + role(where(rng, subject), "place")


def feeling(rng, subject, words=None):
    kind = kind_of(subject.noun)
    very = ["very"] if rng.random() < 0.15 else []
    return role(words or subject.words, "subject") + role(["is"], "verb") + role(very + [pick(rng, FEELING_OF[kind])])


def home_town(rng, words, unknown=0.2, two_words=0.15):
    return role(words, "subject") + role(["lives", "in"]) + role(town_name(rng, unknown, two_words), "town")


OPINIONS = ("negative", "neutral", "positive")


def opinion(rng, label):
    """A sentence that speaks well or ill of something, sometimes through 'not'; the neutral one just tells."""
    if label == "neutral":
        subject = random_subject(rng)
        return action(rng, subject) if rng.random() < 0.7 else location(rng, subject)
    thing, negated = rng.choice(OPINION_THINGS), rng.random() < 0.3
    good = (label == "positive") != negated
    if rng.random() < 0.55:
        adverb = ["not"] if negated else ["very"] if rng.random() < 0.3 else []
        return role(["the", thing, "is"] + adverb + [rng.choice(GOOD if good else BAD)])
    forms = LIKES if good else HATES
    verb = rng.choice(list(forms))
    first = rng.random() < 0.5
    who = ["i"] if first else random_subject(rng).words
    words = who + (["do" if first else "does", "not", forms[verb]] if negated else [forms[verb] if first else verb])
    return role(words + ["the", thing])


def one_sentence(rng, subject, words=None):
    """An action, a place or a feeling of `subject`."""
    choice = rng.random()
    if choice < 0.72:
        return action(rng, subject, words)
    return location(rng, subject, words) if choice < 0.84 else feeling(rng, subject, words)


def follow_up(rng, subject):
    """What comes next speaks of the same subject: by its pronoun, sometimes by its noun again."""
    words = [subject.pronoun] if rng.random() < 0.8 else subject.words
    then = role(["then"]) if rng.random() < 0.15 else []
    return then + one_sentence(rng, subject, words)


def question_about(rng, sentence):
    """(question, role of the answer) for a sentence with roles, or None where nothing can be asked."""
    part = lambda name: [word for word, found in sentence if found == name]  # noqa: E731
    verb = part("verb")[0]
    short = ["the", part("subject")[-1]] if part("subject")[0] == "the" else part("subject")
    thing = ["the", part("object")[-1]] if part("object") else []
    questions = [(["who", verb] + thing + (part("place") if verb == "is" else []) + ["?"], "subject")]
    if thing:
        questions.append((["what", "does"] + short + [base_form(verb), "?"], "object"))
    if part("place") and verb == "is":
        questions.append((["where", "is"] + short + ["?"], "place"))
    elif part("place"):
        questions.append((["where", "does"] + short + [base_form(verb)] + thing + ["?"], "place"))
    return rng.choice(questions)


def tellable(rng, subject):
    """A sentence that a question can be asked about."""
    return action(rng, subject, place=0.5) if rng.random() < 0.8 else location(rng, subject)


def words_of(sentence):
    return [word for word, _ in sentence]


def vocabulary():
    """Special tokens, punctuation, digits, letters, their continuations, endings, words."""
    letters, digits = "abcdefghijklmnopqrstuvwxyz", "0123456789"
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + PUNCTUATION + list(digits + letters)
    tokens += ["##" + character for character in digits + letters]
    tokens += ["##" + ending for ending in NAME_ENDINGS + TOWN_ENDINGS]
    verbs = [verb for habits in HABITS.values() for verb in habits]
    words = GLUE + list(ANIMALS) + list(PEOPLE) + THINGS + OPINION_THINGS + verbs + [base_form(verb) for verb in verbs]
    words += list(PLACES.values()) + list(PLACES) + [word for looks in (*LOOK_OF.values(), *FEELING_OF.values()) for word in looks]
    words += [word for time in TIMES for word in time.split()] + GOOD + BAD + list(LIKES) + list(HATES)
    words += list(LIKES.values()) + list(HATES.values()) + FIRST_HE + FIRST_SHE + TOWNS + TOWN_STARTS
    return list(dict.fromkeys(tokens + words))  # each once, in this order
