//: `self.free.clone().acquire_owned().await`: a permit, when there is one.
//: `self.waiting().by_age.first_key_value()`: who has been without a request for longest, and since when.
//: `tokio::select! { biased; … }`: whichever comes first; with `biased` the upper one, when both are there.
//: `sleep_until(instant)`, `self.send_one_away()`, `self.place(permit)`.
// Take a free place. When there is none, send away whoever has been without a request for longest, once `GRACE` is over for him,
// and take the place that he gives back.
//
// A connection that was accepted a moment ago has no request either. Why must it not be sent away at once?
let _ = (Self::waiting, GRACE, Self::send_one_away, sleep_until);
loop {
    if let Ok(permit) = self.free.clone().acquire_owned().await {
        return self.place(permit);
    }
}
