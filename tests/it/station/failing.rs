use super::*;

#[test]
fn a_plugin_that_is_taken_out_shows_on_the_live_page_and_in_the_health() {
    let folder = root().join("sdk/models/demo/pictures");
    let pictures = format!("[[source]]\nkind = \"folder\"\nname = \"round\"\npath = {folder:?}\nmode = \"once\"");
    let station = TestStation::new(&format!("{FAST}\n{pictures}")).unwrap();
    // A model of that name is not granted: the detector fails on every frame.
    repack_recipe(&station, |recipe| {
        // With its self-test such a recipe would not be let drive at all.
        let recipe = recipe.split("[[file]]").next().unwrap();
        let failures = "failures = { count = 3, window_s = 600, then = \"take-out\" }\n";
        recipe
            .replace("plugin = \"adv-squeeze\"\n", &format!("plugin = \"adv-squeeze\"\n{failures}"))
            .replace("model = \"surface\"\nwidth", "model = \"another\"\nwidth")
    });
    let running = station.start().unwrap();
    let page = ask_until(&running.address, "/inspections?verdict=undecided", |page| page.contains("plugin-out"));
    assert!(page.contains("unknown-model"), "the failures that led to it");
    assert!(ask_until(&running.address, "/", |page| page.contains("Taken out")).contains("adv-squeeze"));
    let alarms = ask_until(&running.address, "/api/v1/alarms", |alarms| alarms.contains("plugin-taken-out"));
    assert!(alarms.contains("\"about\":\"adv-squeeze\""), "{alarms}");
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut health = agent.get(format!("{}/healthz", running.address)).call().unwrap();
    assert_eq!(health.status(), 503);
    assert!(health.body_mut().read_to_string().unwrap().contains("adv-squeeze"));
    let chinese = agent.get(format!("{}/", running.address)).header("Cookie", "lang=zh-CN").call();
    assert!(chinese.unwrap().body_mut().read_to_string().unwrap().contains("已停用"));
    assert!(!ask_until(&running.address, "/inspections", |_| true).contains(">pass<"));
    assert_eq!(running.end().unwrap(), Some(0));
}
