//! What stands around the tasks of a generated job: sentences with slots, and what fills the slots.
//!
//! The slots are many and wide, so that two jobs which draw the same sentence still share few of
//! its words in a row. The names of companies, places and people are put together from syllables;
//! none is meant to be a real one.

use crate::draw::Draw;

/// Who hires.
pub(crate) const ABOUT: [&str; 14] = [
    "{company} has made {product} for {customers} since {year}.",
    "At {company}, {number} people in {place} look after {customers} and {customers}.",
    "{company} is a {adjective} maker of {product} with {number} sites, the largest in {place}.",
    "Our {place} branch supplies {customers} with {product} and {product}.",
    "Founded in {year} by {person}, {company} remains {adjective} and independent.",
    "{person} leads the {adjective} group you will join in {place}.",
    "We opened our {place} site in {month} {year} and now employ {number} people there.",
    "{company} was bought by {company} in {year}, but {product} still come first.",
    "Last year {number} {customers} chose {company} for {product}.",
    "For our client, {company} of {place}, we are filling {number} similar roles.",
    "The {adjective} {department} team of {company} is growing from {number} to {number} people.",
    "You will report to {person}, who runs {department} in {place}.",
    "{company} sells {product} through {number} shops between {place} and {place}.",
    "Since {month}, {company} has been the {adjective} partner of {customers} in {place}.",
];

/// What the applicant brings.
pub(crate) const NEEDS: [&str; 16] = [
    "{number} months of work with {product} or {product}.",
    "You have used {tool} and know your way around {tool}.",
    "A {adjective} manner with {customers}.",
    "Certificate in {subject}, or {number} credits towards one.",
    "Willing to travel to {place} about {number} days a year.",
    "Knowledge of {subject} and some {subject}.",
    "Able to lift {number} pounds and to stand for {number} minutes.",
    "Driver's license; {place} and {place} are part of the round.",
    "You write {adjective} reports and keep {tool} up to date.",
    "Experience in {department} with at least {number} {customers}.",
    "Good {subject} and a {adjective} eye for {product}.",
    "Must pass a test in {subject} within {number} weeks of starting.",
    "{tool} at an advanced level is a plus, {tool} is not needed.",
    "References from {customers} or from a {adjective} employer.",
    "Comfortable with {adjective} days in {month} and quiet ones in {month}.",
    "Degree in {subject}, {subject} or a {adjective} equivalent.",
];

/// What the employer gives.
pub(crate) const OFFERS: [&str; 14] = [
    "Pay of ${amount} to ${amount} an hour, reviewed each {month}.",
    "A bonus of {number} percent once {product} are delivered.",
    "{number} days of leave, and the week after {day} the {number}th of {month} off.",
    "Health plan with {company} from day {number}.",
    "Training in {subject} and {tool}, paid by us.",
    "Shifts from {hour} to {hour}, {day} to {day}.",
    "A {adjective} workplace near {street} in {place}.",
    "Discount of {number} percent on {product}.",
    "Retirement plan with {company}; we add {number} cents to each dollar.",
    "Free parking at {number} {street} and a bus from {place}.",
    "After {number} months you may move to {department} or to {place}.",
    "Yearly salary between ${number},500 and ${number}9,000.",
    "{day} afternoons for {subject}, if you like.",
    "Tools such as {tool}, and a {adjective} mentor in {department}.",
];

/// How to apply.
pub(crate) const CLOSINGS: [&str; 12] = [
    "Send your papers to {person}, {number} {street}, {place}.",
    "Apply by {month} {number} and quote {reference}.",
    "Questions about {reference} go to {person} in {department}.",
    "We read applications every {day} and answer within {number} days.",
    "Interviews take place in {place} on the first {day} of {month}.",
    "{company} welcomes people of every background, from {place} and elsewhere.",
    "The post starts in {month} {year} and runs for {number} months.",
    "No agencies, please; {person} takes calls from {hour} to {hour}.",
    "Reference: {reference}, {place}, {department}.",
    "Bring a sample of your {subject} to {number} {street}.",
    "A trial day with {person} follows in {month}.",
    "This {adjective} post is one of {number} that {company} fills before {month}.",
];

/// Above the tasks.
pub(crate) const TASK_HEADINGS: [&str; 12] = [
    "Responsibilities:",
    "YOUR DUTIES",
    "What you will do",
    "Your days at {company}",
    "Main duties:",
    "The role in {place}",
    "Tasks in {department}:",
    "In this role you:",
    "Day to day",
    "KEY TASKS",
    "Duties include:",
    "Your {number} weeks of onboarding lead to this:",
];

/// Above what the applicant brings.
pub(crate) const NEED_HEADINGS: [&str; 8] = [
    "Requirements:",
    "What you bring",
    "YOUR PROFILE",
    "Skills",
    "Who we look for in {place}",
    "You have:",
    "Qualifications",
    "{company} expects:",
];

/// Above what the employer gives.
pub(crate) const OFFER_HEADINGS: [&str; 8] = [
    "We offer:",
    "Benefits",
    "WHAT YOU GET",
    "Why {company}?",
    "Pay and hours",
    "Good to know:",
    "Your place in {place}",
    "The package",
];

/// The job's first line.
pub(crate) const TITLES: [&str; 10] = [
    "{title}",
    "{title}",
    "{title}, {place}",
    "{title} ({reference})",
    "{company}: {title}",
    "{title} for {department}",
    "Wanted in {place}: {title}",
    "{title} - ${amount} an hour",
    "Job title: {title}",
    "{number} x {title} at {company}",
];

/// A near copy gets some of these for its own words.
pub(crate) const OTHER_WORDS: [&str; 24] = [
    "fresh", "local", "second", "usual", "larger", "recent", "likely", "former", "winter",
    "summer", "simple", "proper", "single", "double", "common", "direct", "urgent", "annual",
    "modern", "useful", "gentle", "earlier", "northern", "southern",
];

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];
const ADJECTIVES: [&str; 28] = [
    "calm",
    "careful",
    "family-run",
    "steady",
    "busy",
    "friendly",
    "curious",
    "small",
    "large",
    "lively",
    "reliable",
    "quick",
    "patient",
    "tidy",
    "regional",
    "bilingual",
    "international",
    "well-known",
    "young",
    "experienced",
    "thorough",
    "practical",
    "modest",
    "public",
    "private",
    "seasonal",
    "long-standing",
    "ambitious",
];
const PRODUCTS: [&str; 36] = [
    "pumps",
    "garden tools",
    "school books",
    "bicycles",
    "frozen meals",
    "window frames",
    "hearing aids",
    "railway parts",
    "office chairs",
    "paints",
    "insurance plans",
    "travel packages",
    "solar panels",
    "medical records",
    "sports shoes",
    "board games",
    "heating systems",
    "boats",
    "audio guides",
    "bread and cakes",
    "tractors",
    "cleaning services",
    "kitchen ovens",
    "payroll services",
    "greenhouse plants",
    "elevators",
    "musical instruments",
    "water filters",
    "camping gear",
    "road signs",
    "animal feed",
    "dental supplies",
    "power cables",
    "loans",
    "printed fabrics",
    "glass bottles",
];
const CUSTOMERS: [&str; 28] = [
    "hospitals",
    "schools",
    "farms",
    "families",
    "city offices",
    "hotels",
    "small shops",
    "airports",
    "builders",
    "banks",
    "museums",
    "dentists",
    "restaurants",
    "shipping lines",
    "law firms",
    "retired people",
    "students",
    "car makers",
    "tenants",
    "sports clubs",
    "publishers",
    "pharmacies",
    "power plants",
    "theaters",
    "charities",
    "breweries",
    "bus operators",
    "laboratories",
];
const DEPARTMENTS: [&str; 20] = [
    "Operations",
    "Field Service",
    "Quality",
    "Logistics",
    "Research",
    "Customer Care",
    "Finance",
    "Planning",
    "Production",
    "Public Affairs",
    "Purchasing",
    "Maintenance",
    "Safety",
    "Design",
    "Records",
    "Sales",
    "Training",
    "Night Service",
    "Projects",
    "Dispatch",
];
const TOOLS: [&str; 24] = [
    "spreadsheets",
    "a forklift",
    "the ticket system",
    "hand tools",
    "scheduling software",
    "a cash register",
    "drawing software",
    "test benches",
    "a label printer",
    "two-way radios",
    "barcode scanners",
    "the stock database",
    "lab balances",
    "map software",
    "a pallet jack",
    "video calls",
    "ledger software",
    "measuring gauges",
    "mailing lists",
    "a sewing machine",
    "web forms",
    "survey tools",
    "power drills",
    "route planners",
];
const SUBJECTS: [&str; 28] = [
    "first aid",
    "bookkeeping",
    "welding",
    "statistics",
    "Spanish",
    "food safety",
    "geometry",
    "public speaking",
    "nursing",
    "carpentry",
    "chemistry",
    "contract law",
    "electronics",
    "photography",
    "history",
    "child care",
    "programming",
    "horticulture",
    "marketing",
    "French",
    "hydraulics",
    "typing",
    "negotiation",
    "biology",
    "fire safety",
    "logistics",
    "drawing",
    "taxation",
];
const STREETS: [&str; 18] = [
    "Mill Lane",
    "Harbor Street",
    "Second Avenue",
    "Orchard Road",
    "Station Square",
    "Canal Row",
    "Chapel Hill",
    "Foundry Way",
    "Maple Drive",
    "Quarry Road",
    "Bridge Street",
    "Market Place",
    "Tower Court",
    "Linden Alley",
    "Ferry Road",
    "Garden Terrace",
    "Old Dock",
    "Park Crescent",
];
const FIRST_NAMES: [&str; 32] = [
    "Ada", "Ben", "Carla", "Dmitri", "Elena", "Farid", "Grace", "Hugo", "Ines", "Jamal", "Kira",
    "Liam", "Mona", "Nils", "Olga", "Pablo", "Qing", "Rosa", "Samir", "Tara", "Umar", "Vera",
    "Wim", "Xenia", "Yara", "Zoe", "Akira", "Bianca", "Cyrus", "Dalia", "Emeka", "Fiona",
];
const BEGINNINGS: [&str; 40] = [
    "Al", "Bar", "Cal", "Dor", "El", "Far", "Gren", "Hal", "Ing", "Jas", "Kel", "Lor", "Mar",
    "Nor", "Or", "Pel", "Quin", "Ros", "Sel", "Tor", "Ul", "Var", "Wes", "Yar", "Zan", "Brom",
    "Cres", "Dun", "Fen", "Glas", "Hol", "Kirk", "Lin", "Mil", "Nes", "Oak", "Pres", "Stan",
    "Thor", "Win",
];
const MIDDLES: [&str; 10] = ["", "", "", "a", "e", "en", "er", "i", "ing", "o"];
const PLACE_ENDS: [&str; 20] = [
    "ville", "ton", "field", "burg", "ford", "haven", "wick", "dale", "port", "stead", "mouth",
    "bridge", "ham", "wood", "gate", "well", "brook", "mere", "ridge", "cliff",
];
const NAME_ENDS: [&str; 16] = [
    "son", "man", "ski", "ez", "ova", "berg", "ley", "ato", "ini", "wala", "sen", "oux", "ides",
    "stein", "mann", "ura",
];
const COMPANY_ENDS: [&str; 20] = [
    "Works",
    "Partners",
    "Group",
    "Services",
    "Supply Co.",
    "Industries",
    "& Daughters",
    "Systems",
    "Trading",
    "Holdings",
    "Labs",
    "Foundation",
    "Logistics",
    "Brothers",
    "Cooperative",
    "Inc.",
    "Ltd.",
    "LLC",
    "Associates",
    "Network",
];

/// The sentence with its slots filled; `title` fills `{title}`.
pub(crate) fn fill(sentence: &str, title: &str, draw: &mut Draw) -> String {
    let mut filled = String::with_capacity(2 * sentence.len());
    let mut rest = sentence;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let (slot, after) = after.split_once('}').unwrap_or((after, ""));
        push(&mut filled, slot, title, draw);
        rest = after;
    }
    filled.push_str(rest);
    filled
}

/// A slot without a name that is known stays empty; a test sees to it that there is none.
fn push(to: &mut String, slot: &str, title: &str, draw: &mut Draw) {
    let list: &[&str] = match slot {
        "title" => return to.push_str(title),
        "number" => return push_number(to, draw.between(2, 99)),
        "amount" => return push_number(to, draw.between(14, 78)),
        "year" => return push_number(to, draw.between(1890, 2029)),
        "reference" => {
            to.push_str(draw.pick(&["JR-", "REF ", "#", "No. ", "V/"]));
            return push_number(to, draw.between(10_000, 999_999));
        }
        "hour" => {
            push_number(to, draw.between(1, 12));
            to.push_str(draw.pick(&[" a.m.", " p.m.", ":15", ":30", ":45", " o'clock"]));
            return;
        }
        "person" => {
            to.push_str(draw.pick(&FIRST_NAMES));
            to.push(' ');
            return push_name(to, &NAME_ENDS, draw);
        }
        "place" => return push_name(to, &PLACE_ENDS, draw),
        "company" => {
            push_name(to, &NAME_ENDS, draw);
            to.push(' ');
            &COMPANY_ENDS
        }
        "month" => &MONTHS,
        "day" => &DAYS,
        "adjective" => &ADJECTIVES,
        "product" => &PRODUCTS,
        "customers" => &CUSTOMERS,
        "department" => &DEPARTMENTS,
        "tool" => &TOOLS,
        "subject" => &SUBJECTS,
        "street" => &STREETS,
        _ => return,
    };
    to.push_str(draw.pick(list));
}

fn push_name(to: &mut String, ends: &[&'static str], draw: &mut Draw) {
    to.push_str(draw.pick(&BEGINNINGS));
    to.push_str(draw.pick(&MIDDLES));
    to.push_str(draw.pick(ends));
}

fn push_number(to: &mut String, number: usize) {
    to.push_str(&number.to_string());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_slot_is_known() {
        let lists: [&[&str]; 8] = [
            &ABOUT,
            &NEEDS,
            &OFFERS,
            &CLOSINGS,
            &TASK_HEADINGS,
            &NEED_HEADINGS,
            &OFFER_HEADINGS,
            &TITLES,
        ];
        for sentence in lists.into_iter().flatten() {
            for slot in sentence.split('{').skip(1) {
                let (slot, _) = slot.split_once('}').unwrap();
                let mut filled = String::new();
                push(&mut filled, slot, "Baker", &mut Draw::new(1, "slots"));
                assert!(!filled.is_empty(), "{{{slot}}} in {sentence}");
            }
        }
    }

    #[test]
    fn slots_are_filled_in_place() {
        let mut draw = Draw::new(1, "fill");
        assert_eq!(fill("A {title}, please", "Baker", &mut draw), "A Baker, please");
        let year = fill("in {year}.", "", &mut draw);
        assert_eq!((year.len(), &year[..3]), (8, "in "));
    }
}
