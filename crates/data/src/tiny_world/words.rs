//! The words of tiny world and what goes with what: all that there is to know about it, on two
//! pages.
//!
//! A number behind a word is its weight: in a list of `bite 4 sleep 2`, biting is twice as likely
//! as sleeping. Change what you like; [`grammar`](super::grammar) reads these tables when it is
//! built, and every figure of the ladder follows.

// ANCHOR: scenes
/// Where a story can take place, and who is met there.
#[derive(Debug, Clone, Copy)]
pub struct Scene {
    /// `preposition place weight`, a line each.
    pub places: &'static str,
    /// `singular plural pronoun : two adjectives : verb weight …`, a line each.
    pub subjects: &'static str,
}

/// Every noun here can be the subject of a sentence, and the object of one.
pub const SCENES: [Scene; 4] = [FARM, TOWN, FOREST, CASTLE];

const FARM: Scene = Scene {
    places: "
        in barn 4
        in field 3
        at gate 2",
    subjects: "
        farmer farmers he : old busy   : feed 5 call 3 work 4
        dog dogs it       : big loyal  : bite 5 chase 3 hide 1 bark 4
        cat cats it       : small lazy : chase 4 watch 3 catch 1 sleep 5
        horse horses it   : big fast   : carry 4 eat 2 kick 1 run 5
        cow cows it       : big lazy   : eat 5 watch 1 walk 2 sleep 3
        mouse mice it     : small fast : fear 4 eat 2 hide 2 jump 1 run 3",
};

const TOWN: Scene = Scene {
    places: "
        in street 4
        in park 3
        at market 2",
    subjects: "
        man men he           : old tall     : call 4 feed 2 read 2 bite 1 walk 4
        woman women she      : young tall   : buy 5 greet 3 read 1 laugh 3
        boy boys he          : young fast   : kick 4 throw 3 eat 1 run 3 laugh 1
        girl girls she       : young clever : throw 3 like 3 feed 1 dance 5
        doctor doctors she   : clever busy  : heal 5 visit 3 work 4
        postman postmen he   : tired busy   : carry 5 fear 3 greet 1 wait 3",
};

const FOREST: Scene = Scene {
    places: "
        in forest 4
        in cave 3
        at river 2",
    subjects: "
        thief thieves he  : tall sly    : steal 5 hide 3 fear 1 wait 4
        wolf wolves it    : grey hungry : chase 3 hear 2 bite 1 howl 5
        bear bears it     : big hungry  : eat 4 fight 3 catch 1 sleep 4
        fox foxes it      : red sly     : catch 4 steal 3 run 2 wait 3
        rabbit rabbits it : small grey  : eat 4 fear 3 hear 1 jump 5
        owl owls it       : wise grey   : hear 4 watch 3 catch 1 fly 5",
};

const CASTLE: Scene = Scene {
    places: "
        in tower 4
        in hall 3
        on wall 2",
    subjects: "
        king kings he           : old proud    : wear 4 visit 3 greet 1 laugh 4
        queen queens she        : wise proud   : greet 4 wear 3 like 1 sing 4
        princess princesses she : young brave  : ride 4 save 3 charm 1 dance 2 sing 2
        knight knights he       : tired brave  : fight 4 ride 3 guard 2 wait 3
        wizard wizards he       : wise old     : charm 5 read 3 heal 1 walk 3
        dragon dragons it       : hungry proud : guard 4 fight 2 bite 1 fly 5",
};
// ANCHOR_END: scenes

// ANCHOR: verbs
/// `with a singular, with a plural : object weight …`, a line each. Verbs without objects take
/// none.
pub const VERBS: &str = "
    bites bite       : postman 4 man 3 bone 2 dog 1
    chases chase     : cat 5 mouse 3 thief 2
    feeds feed       : cow 5 cat 3 dog 2
    calls call       : dog 5 doctor 3 boy 2
    hides hide       : bone 5 crown 3 letter 2
    watches watch    : rabbit 5 mouse 3 girl 2
    catches catch    : mouse 5 fox 3 rabbit 2
    carries carry    : letter 5 knight 3 farmer 2
    kicks kick       : ball 5 thief 3 wolf 2
    eats eat         : apple 5 carrot 3 cake 2
    fears fear       : wolf 5 dragon 3 dog 2
    reads read       : book 6 letter 4
    buys buy         : hat 5 cake 3 flower 2
    greets greet     : woman 5 king 3 doctor 2
    throws throw     : ball 5 apple 3 bone 2
    likes like       : song 5 princess 3 flower 2
    heals heal       : knight 5 horse 3 man 2
    visits visit     : wizard 5 queen 3 woman 2
    steals steal     : crown 5 cake 3 horse 2
    hears hear       : owl 5 song 3 wolf 2
    fights fight     : dragon 5 bear 3 knight 2
    wears wear       : crown 5 hat 3 flower 2
    rides ride       : horse 6 dragon 3 bear 1
    saves save       : girl 5 cat 3 queen 2
    charms charm     : king 5 owl 3 princess 2
    guards guard     : crown 4 queen 3 cow 2
    sleeps sleep     :
    works work       :
    barks bark       :
    howls howl       :
    jumps jump       :
    runs run         :
    walks walk       :
    flies fly        :
    laughs laugh     :
    dances dance     :
    sings sing       :
    waits wait       :";
// ANCHOR_END: verbs

// ANCHOR: things
/// What can be an object only: `singular plural : two adjectives`, a line each.
pub const THINGS: &str = "
    bone bones     : old small
    ball balls     : red small
    apple apples   : red sweet
    carrot carrots : fresh sweet
    cake cakes     : fresh sweet
    hat hats       : red tall
    flower flowers : red fresh
    book books     : old wise
    letter letters : long sad
    song songs     : long sad
    crown crowns   : old golden";

/// `word weight …`.
pub const TIMES: &str = "today 4 again 3 now 2";
// ANCHOR_END: things
