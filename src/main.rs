mod time;
mod cadence;
fn main(){}
