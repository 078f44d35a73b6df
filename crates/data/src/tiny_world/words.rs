//! The words of tiny world and what goes with what: all that there is to know about it, on two pages.
//!
//! A number behind a word is its weight: in a list of `bite 4 sleep 2`, biting is twice as likely as
//! sleeping. Change what you like; [`grammar`](super::grammar) reads these tables when it is built, and
//! every figure of the ladder follows.

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
        in barn 3
        in field 3
        at gate 2
        on hill 1",
    subjects: "
        farmer farmers he : old busy     : feed 5 call 3 sell 3 catch 1 work 4 rest 2
        dog dogs it       : big loyal    : bite 4 chase 4 follow 3 guard 3 bark 4 sleep 2
        cat cats it       : small lazy   : chase 4 watch 4 bite 1 fear 2 sleep 4 jump 3
        horse horses it   : big fast     : carry 4 kick 2 follow 2 fear 1 run 5 jump 3
        cow cows it       : lazy brown   : eat 5 watch 3 kick 2 follow 1 rest 4 sleep 3
        sheep sheep it    : white timid  : follow 4 fear 4 eat 3 hear 2 run 3 rest 2
        goose geese it    : white loud   : guard 4 bite 2 hear 3 chase 2 swim 5 fly 2
        mouse mice it     : small timid  : eat 4 find 3 fear 3 hide 3 run 3 jump 1",
};

const TOWN: Scene = Scene {
    places: "
        in street 3
        in park 3
        at market 2
        on bridge 2",
    subjects: "
        man men he            : old tall     : call 4 feed 2 read 3 greet 2 bite 1 walk 4 laugh 2
        woman women she       : young tall   : buy 4 greet 3 paint 3 thank 2 walk 3 laugh 2
        boy boys he           : young loud   : kick 4 throw 3 chase 2 eat 2 run 4 laugh 2
        girl girls she        : young clever : throw 3 read 3 like 3 feed 2 dance 4 run 2
        teacher teachers she  : clever kind  : teach 5 read 3 write 3 call 2 work 3 walk 1
        doctor doctors she    : kind busy    : heal 5 visit 4 help 3 thank 1 work 3 rest 1
        baker bakers he       : kind busy    : sell 5 thank 2 greet 2 feed 1 work 4 sing 3
        postman postmen he    : tired fast   : carry 5 fear 3 visit 3 meet 2 run 2 wait 3",
};

const FOREST: Scene = Scene {
    places: "
        in forest 4
        at river 3
        on hill 2
        in cave 2",
    subjects: "
        ranger rangers she    : tall brave   : save 4 help 3 watch 3 hear 2 walk 4 wait 2
        thief thieves he      : quick sly    : steal 5 hide 4 fear 2 catch 1 wait 3 run 3
        wolf wolves it        : grey hungry  : chase 4 bite 3 hear 2 follow 3 howl 5 wait 1
        bear bears it         : brown hungry : eat 4 find 3 fight 2 catch 2 swim 3 sleep 4
        fox foxes it          : sly quick    : catch 4 steal 3 follow 3 watch 2 hide 1 wait 3 run 2
        rabbit rabbits it     : white quick  : eat 4 fear 4 hear 3 find 1 jump 4 sleep 1
        owl owls it           : wise grey    : hear 4 watch 4 catch 3 teach 1 fly 4 sleep 3
        squirrel squirrels it : small brown  : hide 4 find 4 throw 2 steal 2 jump 4 rest 1",
};

const CASTLE: Scene = Scene {
    places: "
        in tower 3
        in hall 3
        on wall 2
        on bridge 1",
    subjects: "
        king kings he           : old proud    : wear 4 visit 2 thank 3 fear 1 laugh 3 sleep 2
        queen queens she        : wise proud   : wear 4 greet 3 help 2 like 2 dance 3 sing 2
        prince princes he       : brave proud  : ride 4 like 4 fight 2 meet 2 dance 2 sing 3
        princess princesses she : clever brave : ride 3 save 3 write 3 charm 2 sing 4 laugh 2
        knight knights he       : brave tired  : fight 5 save 3 ride 3 guard 3 wait 3 rest 2
        wizard wizards he       : wise old     : charm 5 read 3 write 2 heal 2 fly 3 sing 1
        dragon dragons it       : hungry grey  : guard 4 bite 2 fight 3 carry 2 fly 5 sleep 3
        giant giants he         : big loud     : throw 4 kick 3 fight 2 eat 2 laugh 3 sleep 4",
};
// ANCHOR_END: scenes

// ANCHOR: verbs
/// `with a singular, with a plural : object weight …`, a line each. Verbs without objects take none.
pub const VERBS: &str = "
    bites bite       : postman 4 man 4 thief 3 bone 3 dog 2 boy 2
    chases chase     : cat 4 mouse 3 rabbit 3 thief 3 ball 2 goose 2
    follows follow   : woman 3 queen 3 farmer 3 sheep 2 wolf 2 knight 3
    guards guard     : sheep 4 crown 3 princess 3 egg 3 king 2 cow 2
    watches watch    : mouse 3 squirrel 3 goose 3 owl 2 rabbit 3 horse 2
    fears fear       : wolf 4 bear 4 dragon 3 giant 3 dog 3 wizard 2
    feeds feed       : cow 4 horse 4 goose 3 sheep 3 dog 2 cat 2
    calls call       : dog 4 doctor 3 cat 3 girl 3 horse 2 boy 2
    carries carry    : letter 4 knight 3 princess 3 apple 2 sword 2 king 2
    kicks kick       : ball 5 thief 3 wolf 2 hat 2 knight 2
    eats eat         : carrot 4 apple 4 berry 3 cake 3 egg 3 nut 2
    finds find       : bone 3 nut 4 berry 4 crown 2 egg 3
    hides hide       : nut 4 bone 3 sword 3 crown 3 letter 2
    steals steal     : crown 3 egg 4 cake 4 hat 3 sword 2 flower 2
    catches catch    : mouse 4 fox 3 rabbit 3 thief 3 squirrel 2
    meets meet       : woman 3 man 3 wizard 2 giant 2 bear 2 ranger 4
    helps help       : girl 3 farmer 3 baker 3 prince 2 rabbit 2 boy 2
    thanks thank     : doctor 4 knight 4 baker 3 ranger 3 postman 3
    teaches teach    : boy 4 girl 4 prince 3 princess 3 song 2
    heals heal       : knight 3 horse 3 man 3 owl 3 squirrel 3 fox 2
    likes like       : princess 4 queen 3 song 3 prince 3 flower 3 cat 2
    reads read       : book 5 letter 5
    writes write     : letter 4 song 4 book 4
    sells sell       : cake 4 apple 4 hat 3 flower 3 carrot 3
    buys buy         : cake 3 hat 4 flower 4 book 2 cow 2
    throws throw     : ball 5 apple 3 bone 3 hat 2
    rides ride       : horse 6 dragon 3 bear 2
    fights fight     : dragon 4 giant 4 knight 3 wolf 3 bear 2
    saves save       : princess 3 prince 3 cat 3 sheep 3 woman 2 man 2
    hears hear       : owl 4 wolf 4 song 3 dog 3 goose 2
    charms charm     : dragon 4 king 3 owl 3 queen 2 giant 2
    greets greet     : king 3 queen 3 postman 3 teacher 4 farmer 2
    visits visit     : queen 2 doctor 3 wizard 4 teacher 3 king 2
    paints paint     : flower 4 horse 3 queen 3 fox 2
    wears wear       : crown 5 hat 4 flower 2
    sleeps sleep     :
    rests rest       :
    works work       :
    barks bark       :
    howls howl       :
    jumps jump       :
    runs run         :
    walks walk       :
    swims swim       :
    flies fly        :
    laughs laugh     :
    dances dance     :
    sings sing       :
    waits wait       :";
// ANCHOR_END: verbs

// ANCHOR: things
/// What can be an object only: `singular plural : two adjectives`, a line each.
pub const THINGS: &str = "
    bone bones     : old white
    ball balls     : red small
    apple apples   : red sweet
    carrot carrots : fresh sweet
    nut nuts       : brown small
    berry berries  : red sweet
    egg eggs       : white fresh
    cake cakes     : sweet fresh
    hat hats       : red tall
    flower flowers : red white
    book books     : old wise
    letter letters : long sad
    song songs     : sad long
    sword swords   : long old
    crown crowns   : golden old";

/// `word weight …`.
pub const TIMES: &str = "today 3 again 2 now 2 tonight 2";
// ANCHOR_END: things
