//! The definition of a detailed work activity: its title, and the general activity it belongs to.

use jobmatch_records::Definition;

/// `kind` of every definition.
const KIND: &str = "detailed_activity";

/// The definition of the activity with this identifier (`4.A.2.a.4.I09.D03`), title and general
/// activity (`4.A.2.a.4`). The name is the title without its period: names serve as passages.
pub(crate) fn definition(id: &str, title: &str, general: &str) -> Definition {
    let name = title.trim_end_matches('.').to_owned();
    let definition = match general_activity(general) {
        Some(general) => format!("{name}. General activity: {general}."),
        None => format!("{name}."),
    };
    Definition {
        attribute_id: id.to_owned(),
        name,
        definition,
        kind: Some(KIND.to_owned()),
        aliases: Vec::new(),
    }
}

/// The name of one of O*NET's generalized work activities.
fn general_activity(id: &str) -> Option<&'static str> {
    GENERAL
        .iter()
        .find(|(known, _)| *known == id)
        .map(|(_, name)| *name)
}

/// O*NET's generalized work activities. The source file gives only their identifiers.
const GENERAL: [(&str, &str); 41] = [
    ("4.A.1.a.1", "Getting Information"),
    (
        "4.A.1.a.2",
        "Monitoring Processes, Materials, or Surroundings",
    ),
    ("4.A.1.b.1", "Identifying Objects, Actions, and Events"),
    (
        "4.A.1.b.2",
        "Inspecting Equipment, Structures, or Materials",
    ),
    (
        "4.A.1.b.3",
        "Estimating the Quantifiable Characteristics of Products, Events, or Information",
    ),
    (
        "4.A.2.a.1",
        "Judging the Qualities of Objects, Services, or People",
    ),
    ("4.A.2.a.2", "Processing Information"),
    (
        "4.A.2.a.3",
        "Evaluating Information to Determine Compliance with Standards",
    ),
    ("4.A.2.a.4", "Analyzing Data or Information"),
    ("4.A.2.b.1", "Making Decisions and Solving Problems"),
    ("4.A.2.b.2", "Thinking Creatively"),
    ("4.A.2.b.3", "Updating and Using Relevant Knowledge"),
    ("4.A.2.b.4", "Developing Objectives and Strategies"),
    ("4.A.2.b.5", "Scheduling Work and Activities"),
    ("4.A.2.b.6", "Organizing, Planning, and Prioritizing Work"),
    ("4.A.3.a.1", "Performing General Physical Activities"),
    ("4.A.3.a.2", "Handling and Moving Objects"),
    ("4.A.3.a.3", "Controlling Machines and Processes"),
    (
        "4.A.3.a.4",
        "Operating Vehicles, Mechanized Devices, or Equipment",
    ),
    ("4.A.3.b.1", "Working with Computers"),
    (
        "4.A.3.b.2",
        "Drafting, Laying Out, and Specifying Technical Devices, Parts, and Equipment",
    ),
    (
        "4.A.3.b.4",
        "Repairing and Maintaining Mechanical Equipment",
    ),
    (
        "4.A.3.b.5",
        "Repairing and Maintaining Electronic Equipment",
    ),
    ("4.A.3.b.6", "Documenting/Recording Information"),
    (
        "4.A.4.a.1",
        "Interpreting the Meaning of Information for Others",
    ),
    (
        "4.A.4.a.2",
        "Communicating with Supervisors, Peers, or Subordinates",
    ),
    (
        "4.A.4.a.3",
        "Communicating with People Outside the Organization",
    ),
    (
        "4.A.4.a.4",
        "Establishing and Maintaining Interpersonal Relationships",
    ),
    ("4.A.4.a.5", "Assisting and Caring for Others"),
    ("4.A.4.a.6", "Selling or Influencing Others"),
    (
        "4.A.4.a.7",
        "Resolving Conflicts and Negotiating with Others",
    ),
    (
        "4.A.4.a.8",
        "Performing for or Working Directly with the Public",
    ),
    (
        "4.A.4.b.1",
        "Coordinating the Work and Activities of Others",
    ),
    ("4.A.4.b.2", "Developing and Building Teams"),
    ("4.A.4.b.3", "Training and Teaching Others"),
    (
        "4.A.4.b.4",
        "Guiding, Directing, and Motivating Subordinates",
    ),
    ("4.A.4.b.5", "Coaching and Developing Others"),
    ("4.A.4.b.6", "Providing Consultation and Advice to Others"),
    ("4.A.4.c.1", "Performing Administrative Activities"),
    ("4.A.4.c.2", "Staffing Organizational Units"),
    ("4.A.4.c.3", "Monitoring and Controlling Resources"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_definition_names_its_general_activity() {
        let known = definition("4.A.2.a.4.I09.D03", "Analyze impact of laws.", "4.A.2.a.4");
        assert_eq!(known.name, "Analyze impact of laws");
        assert_eq!(
            known.definition,
            "Analyze impact of laws. General activity: Analyzing Data or Information."
        );
        let unknown = definition("9.Z.D03", "Juggle", "9.Z");
        assert_eq!(unknown.definition, "Juggle.");
    }
}
