use super::*;

#[tokio::test]
async fn writers_that_meet_plan_again() {
    let server = Server::with_service().await;
    let writes = (0..16).map(|index| {
        let path = format!("/apis/api{index}");
        let server = &server;
        // All of them look at all other APIs' paths, so all but one find the service changed.
        async move {
            let api = json!({"displayName": "A", "path": format!("path{}", index % 8)});
            server.set(&path, api).await.status.as_u16()
        }
    });
    let mut statuses = futures_util::future::join_all(writes).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [[201; 8], [400; 8]].concat());
}
